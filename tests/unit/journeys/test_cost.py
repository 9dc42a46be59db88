"""What one accepted message may cost: a search for the dearest, in applied touchpoints and in bytes that last."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any
from unittest.mock import patch

import pytest

from schemas import journey_log
from schemas.journey_log import Touchpoint
from schemas.kinds.purchase import PurchaseItem
from streams.journeys import ahead as dated_ahead
from streams.journeys import applying, bounds, fold, recomputation, snapshot, state, step_limits
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from tests.simulation.journeys_log import end_of_time
from tests.unit.journeys.play import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    T0,
    Play,
    call,
    cart,
    case,
    order,
    said,
    seen_page,
    survey,
)
from tests.unit.journeys.robots import KINDS, stream, with_removals

STEP_APPLIED_MAX = 3 * step_limits.STEP_WORK
"""Touchpoints applied in a step: as many for what waited, for a recomputation, and once more for what is folded early;
about 10 us each."""
STEP_BYTES_MAX = 8 << 20
"""Bytes of states encoded in a step, about 1 us a KiB."""
LASTING_MAX = 64 << 10
ORDERS: dict[str, Callable[[list[int]], list[int]]] = {
    "the last first": lambda times: [times[-1], *times[:-1]],
    "the first last": lambda times: [*times[1:], times[0]],
    "backwards": lambda times: times[::-1],
    "at random": lambda times: random.Random(1).sample(times, len(times)),
    "the newer half first": lambda times: [*times[len(times) // 2 :], *times[: len(times) // 2]],
}


PLACED = ("page views", "carts", "orders stated again", "calls")
"""Of these kinds the robot's touchpoints are all within its bounds."""


LOW = {"STEP_WORK": 24, "AT_ONCE": 64, "PENDING_MAX": 200, "WORK_MAX": 300, "PAID": 32}
"""Limits so low that short streams meet them often; `make fuzz` searches by computing time, with the real ones."""


@dataclass
class Cost:
    """What one record has cost."""

    applied: int = 0
    timers: int = 0
    encoded: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.applied + other.applied, self.timers + other.timers, self.encoded + other.encoded)


@contextmanager
def counted() -> Iterator[Cost]:
    """Count what is applied, fired and encoded meanwhile, wherever the journeys do it."""
    cost = Cost()
    apply, fire, encode = fold.apply_touchpoint, fold.fire_timer, state.encode_state

    def count_applied(*args: Any) -> None:
        cost.applied += 1
        apply(*args)

    def count_timer(*args: Any) -> None:
        cost.timers += 1
        fire(*args)

    def count_encoded(*args: Any) -> bytes:
        encoded = encode(*args)
        cost.encoded += len(encoded)
        return encoded

    with ExitStack() as stack:
        for module in (applying, recomputation, snapshot):
            stack.enter_context(patch.object(module, "apply_touchpoint", count_applied))
        for module in (fold, recomputation):
            stack.enter_context(patch.object(module, "fire_timer", count_timer))
        for module in (bounds, recomputation, snapshot):
            stack.enter_context(patch.object(module, "encode_state", count_encoded))
        yield cost


def costs_of(records: Iterable[bytes]) -> list[Cost]:
    """Return what each record of a log costs, and each part of it where others have a turn between them.

    Each record comes in a chunk of its own.
    """
    return _costs_in(Partition(0, 1, Rules()), records)


def _costs_in(partition: Partition, records: Iterable[bytes]) -> list[Cost]:
    costs = []
    with counted() as cost:
        for offset, data in enumerate(records):
            for _ in partition.apply_in_parts(offset, journey_log.decode(data), data):
                costs.append(replace(cost))
                cost.applied = cost.timers = cost.encoded = 0
            partition.flush()
            costs.append(replace(cost))
            cost.applied = cost.timers = cost.encoded = 0
    return costs


def arrived(kind: str, times: Iterable[int]) -> list[bytes]:
    return [journey_log.encode(KINDS[kind](at, number)) for number, at in enumerate(times)]


@pytest.mark.parametrize("order_of", ORDERS)
@pytest.mark.parametrize("kind", PLACED)
def test_no_order_of_arrival_makes_a_message_dear(kind: str, order_of: str) -> None:
    times = ORDERS[order_of]([number * SECOND for number in range(300)])

    costs = costs_of(arrived(kind, times))

    assert max(cost.applied for cost in costs) < STEP_APPLIED_MAX
    assert mean(cost.applied for cost in costs) < STEP_APPLIED_MAX / 2


def test_one_touchpoint_ahead_does_not_make_each_later_one_dear() -> None:
    records = [seen_page(DAY, received_at=1 << 42), *(seen_page(number * SECOND) for number in range(800))]

    assert mean(cost.applied for cost in costs_of(map(journey_log.encode, records))) < 200


@pytest.mark.parametrize("kind", KINDS)
def test_no_message_of_a_robot_costs_more_than_a_step_may(kind: str) -> None:
    """The robot fills its timeline, then 59 touchpoints come before all others: one of them used to apply 2,000."""
    times = [*range(0, 1_000 * SECOND, SECOND), *range(-SECOND, -60 * SECOND, -SECOND)]

    costs = costs_of(arrived(kind, times))

    assert max(cost.applied + cost.timers for cost in costs) < STEP_APPLIED_MAX
    assert max(cost.encoded for cost in costs) < STEP_BYTES_MAX
    if kind in PLACED:
        assert sum(cost.applied for cost in costs) > 3 * 1_000, "nothing was put in its place"


def test_timers_behind_all_touchpoints_are_fired_in_steps_too() -> None:
    """A late touchpoint makes 260 carts anew that were abandoned long ago."""
    carts = [cart(number * SECOND, "item_added", f"k{number}") for number in range(1_200)]
    began = T0 + 2_000 * SECOND + 40 * HOUR
    before, after = ([end_of_time(at + number * SECOND) for number in range(400)] for at in (began, began + 2 * HOUR))
    in_order = [*map(journey_log.encode, carts), *before]
    arrived = [*in_order, journey_log.encode(cart(-1, "item_added")), *after]

    costs = costs_of(arrived)[len(costs_of(in_order)) :]

    assert sum(cost.timers for cost in costs) > 500, "the carts were not made anew"
    assert max(cost.timers for cost in costs) < step_limits.STEP_WORK


def test_what_was_folded_early_though_it_should_have_waited_counts_once() -> None:
    """Orders that are ahead overflow the timeline; then one is late, and what was applied is applied again.

    Fewer are taken than that needs; what waits for a timer has no such bound.
    """
    clock = T0 + 149 * SECOND
    on_time = [order(number * SECOND, 1, watermark=T0 + number * SECOND) for number in range(150)]
    ahead = [order(20 * HOUR + number * SECOND, 1, received_at=T0, watermark=clock) for number in range(1_401)]
    with patch.object(dated_ahead, "AHEAD_MAX", step_limits.PENDING_MAX):
        play = Play().send(*on_time, *ahead, order(150 * SECOND, 1, watermark=clock))

    for at in (10 * MINUTE, 130 * MINUTE, 30 * HOUR, 31 * HOUR):
        play.at(at)

    assert play.counted("late") == 0
    assert play.row("customers")["purchases"] == 1_552
    assert play.metric("orders")["n"] == play.metric("revenue")["numerator"] == 1_552


@pytest.mark.parametrize("seed", range(8))
def test_a_search_finds_no_dearer_message(seed: int) -> None:
    """Streams of robots of several kinds, in any order, of any size, with clocks that stand, run and leap."""
    with ExitStack() as stack:
        for name, value in LOW.items():
            stack.enter_context(patch.object(step_limits, name, value))
        costs = costs_of(stream(random.Random(seed), 400))

    assert max(cost.applied + cost.timers for cost in costs) < 4 * LOW["STEP_WORK"]
    assert max(cost.encoded for cost in costs) < STEP_BYTES_MAX


@pytest.mark.parametrize("seed", range(8))
def test_a_search_finds_no_dearer_removal(seed: int) -> None:
    """The same streams, and touchpoints of them are taken out at any time; in the end nothing waits."""
    rng, partition = random.Random(seed), Partition(0, 1, Rules())
    with ExitStack() as stack:
        for name, value in LOW.items():
            stack.enter_context(patch.object(step_limits, name, value))
        costs = _costs_in(partition, with_removals(rng, stream(rng, 400)))

    assert max(cost.applied + cost.timers for cost in costs) < 4 * LOW["STEP_WORK"]
    assert max(cost.encoded for cost in costs) < STEP_BYTES_MAX
    (left,) = partition.customers._cache.values()
    assert (left.moved, left.displaced, left.is_behind, len(left.pending) - left.applied) == ([], [], False, 0)
    assert left.pending_bytes == sum(one.size for one in left.pending)
    assert left.large == 0


def test_a_late_touchpoint_of_a_robot_is_in_its_place_within_an_hour() -> None:
    play = Play().send(*(seen_page(number * SECOND) for number in range(1_000)))

    play.send(seen_page(-1))
    assert play.row("customers")["touchpoints"] == 1_000
    assert len(play.rows("touchpoints")) == 1_001

    play.at(HOUR + MINUTE + 1_000 * SECOND)
    assert play.row("customers")["touchpoints"] == 1_001
    assert {row["journey_id"] for row in play.rows("touchpoints")} == {"ann#1"}


def test_a_large_touchpoint_keeps_its_row_when_others_come_before_it() -> None:
    words = "well " * 10_000
    play = Play().send(said(HOUR, 500, text=words, attributes={"note": "x" * 9_000, "region": "eu"}))

    play.send(seen_page(0))

    row = next(row for row in play.rows("touchpoints") if row["kind"] == "tweet")
    assert (row["text"], len(row["attributes"]["note"])) == (words, 9_000)
    assert play.metric("sentiment", "region", "eu")["n"] == 1

    # A long record is a step's work: the page view takes effect when time goes on.
    play.at(HOUR + 6 * MINUTE)
    assert play.row("customers")["touchpoints"] == 2
    row = next(row for row in play.rows("touchpoints") if row["kind"] == "tweet")
    assert (row["text"], len(row["attributes"]["note"])) == (words, 9_000)


def text_of(rng: random.Random, length: int) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=length))


def dearest(kind: str, rng: random.Random, number: int, customer: str) -> Touchpoint:
    """Return a touchpoint of a kind, as large as it can be; a minute apart, so that none shares a bucket."""
    at, words = number * MINUTE, text_of(rng, 200_000)
    more: dict[str, Any] = {
        "attributes": {f"{name:0128}": text_of(rng, 128) for name in range(32)},
        "customer_key": customer,
    }
    if kind == "post":
        return said(at, 100, text=words, **more)
    if kind == "answer":
        more |= {"question_kind": "nps", "score": 9.0, "normalised": 1, "text": words, "sentiment": 5}
        return survey(at, "answered", f"r{number}", **more)
    if kind == "order":
        return order(at, 100, items=[PurchaseItem(text_of(rng, 50), 1, 1) for _ in range(500)], **more)
    if kind == "cart":
        return cart(at, "item_added", f"k{number}", sku=text_of(rng, 200), **more)
    if kind == "case":
        return case(at, "opened", f"d{number}", text=words, **more)
    return call(at, "queued", f"c{number}", **more)


@pytest.mark.parametrize("customers", [1, 40])
@pytest.mark.parametrize("kind", ["post", "answer", "order", "cart", "case", "call"])
def test_no_message_takes_more_than_64_kib_for_long(kind: str, customers: int) -> None:
    rng = random.Random(1)
    messages = [journey_log.encode(dearest(kind, rng, number, f"c{number % customers}")) for number in range(40)]
    # What the process keeps once is not a message's.
    Partition(0, 1, Rules()).apply(0, journey_log.decode(messages[0]), messages[0])
    partition = Partition(0, 1, Rules())
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for offset, data in enumerate(messages):
            copy = bytes(bytearray(data))
            partition.apply(offset, journey_log.decode(copy), copy)
            partition.flush()
        del copy
        gc.collect()
        lasting = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert lasting / len(messages) < LASTING_MAX
