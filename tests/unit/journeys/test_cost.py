"""What one accepted message may cost: a search for the dearest, in applied touchpoints and in bytes that last."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable
from statistics import mean
from typing import Any
from unittest.mock import patch

import pytest

from schemas import journey_log
from schemas.journey_log import Touchpoint
from schemas.kinds.purchase import PurchaseItem
from streams.journeys import fold, timeline
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, Play, call, cart, case, order, said, seen_page, survey

Make = Callable[[int, int], Touchpoint]
"""Makes the touchpoint of a time and a number."""

APPLIED_MAX = 515
"""Touchpoints applied for one received, about 10 us each: 512 for a recomputation, one for itself, two spare."""
LASTING_MAX = 64 << 10
KINDS: dict[str, Make] = {
    "page views": lambda at, _: seen_page(at),
    "carts": lambda at, n: cart(at, "item_added", f"k{n % 300}", sku=f"s{n}"),
    "orders stated again": lambda at, n: order(at, n % 2, order_id=f"o{n % 3}"),
    "answers": lambda at, n: survey(at, "answered", f"r{n % 300}", question_kind="nps", score=9.0, normalised=1),
    "calls": lambda at, n: call(at, ("queued", "answered", "ended")[n % 3], f"c{n // 3}"),
}
ORDERS: dict[str, Callable[[list[int]], list[int]]] = {
    "the last first": lambda times: [times[-1], *times[:-1]],
    "the first last": lambda times: [*times[1:], times[0]],
    "backwards": lambda times: times[::-1],
    "at random": lambda times: random.Random(1).sample(times, len(times)),
    "the newer half first": lambda times: [*times[len(times) // 2 :], *times[: len(times) // 2]],
}


def applied_of(touchpoints: list[Touchpoint]) -> list[int]:
    """Return how many touchpoints are applied for each one received; each comes in a chunk of its own."""
    applied = 0
    of_each = []
    apply = fold.apply_touchpoint

    def count(*args: object) -> None:
        nonlocal applied
        applied += 1
        apply(*args)  # type: ignore[arg-type]  # whatever it is called with

    partition = Partition(0, 1, Rules())
    with patch.object(timeline, "apply_touchpoint", count):
        for offset, touchpoint in enumerate(touchpoints):
            partition.apply(offset, touchpoint, journey_log.encode(touchpoint))
            partition.flush()
            of_each.append(applied)
            applied = 0
    return of_each


@pytest.mark.parametrize("order_of", ORDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_order_of_arrival_makes_a_message_dear(kind: str, order_of: str) -> None:
    times = ORDERS[order_of]([number * SECOND for number in range(300)])

    assert mean(applied_of([KINDS[kind](at, number) for number, at in enumerate(times)])) < APPLIED_MAX


def test_one_touchpoint_ahead_does_not_make_each_later_one_dear() -> None:
    arrived = [seen_page(DAY, received_at=1 << 42), *(seen_page(number * SECOND) for number in range(800))]

    assert mean(applied_of(arrived)) < 200


@pytest.mark.parametrize("kind", KINDS)
def test_no_message_of_a_robot_applies_more_than_twice_what_may_be_pending(kind: str) -> None:
    times = [*range(0, 1_400 * SECOND, SECOND), *range(-SECOND, -100 * SECOND, -SECOND)]

    of_each = applied_of([KINDS[kind](at, number) for number, at in enumerate(times)])

    assert max(of_each[:1_400]) <= timeline.FOLD_MAX
    assert timeline.FOLD_MAX < max(of_each) <= 2 * timeline.PENDING_MAX + timeline.FOLD_MAX


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
    assert play.row("customers")["touchpoints"] == 2


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
