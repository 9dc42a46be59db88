"""Robots: customers whose touchpoints make work, by their number, their order, their size and their deadlines."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import Touchpoint
from schemas.kinds.purchase import PurchaseItem
from tests.simulation.journeys_log import end_of_time, removal
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, call, cart, case, order, said, seen_page, survey

Make = Callable[[int, int], Touchpoint]
"""Makes the touchpoint of a time, ms after `T0`, and a number."""

SKUS = [PurchaseItem(f"s{place}", 1, 1) for place in range(100)]
KINDS: dict[str, Make] = {
    "page views": lambda at, _: seen_page(at),
    "carts": lambda at, n: cart(at, "item_added", f"k{n % 300}", sku=f"s{n}"),
    "carts of many skus": lambda at, n: cart(at, "item_added", f"k{n % 8}", sku=f"s{n % 100}", value=n),
    "orders": lambda at, n: order(at, n + 1, order_id=f"o{n}", items=SKUS),
    "orders stated again": lambda at, n: order(at, n % 2, order_id=f"o{n % 3}"),
    "orders that change carts": lambda at, n: order(at, n % 2, order_id=f"o{n % 200}", items=SKUS),
    "orders of carts": lambda at, n: order(at, n % 3, order_id=f"o{n % 150}", cart_id=f"k{n % 300}"),
    "answers": lambda at, n: survey(at, "answered", f"r{n % 300}", question_kind="nps", score=9.0, normalised=1),
    "answers of one response": lambda at, n: survey(
        at, "answered", "r", question_id=f"q{n % 50}", question_kind="csat", score=n % 5, normalised=n % 9_999
    ),
    "surveys started": lambda at, n: survey(at, "started", f"r{n}"),
    "calls": lambda at, n: call(at, ("queued", "answered", "ended")[n % 3], f"c{n // 3}"),
    "one call": lambda at, n: call(at, ("queued", "answered", "held", "ended")[n % 4], "c"),
    "cases": lambda at, n: case(
        at, ("opened", "resolved", "reopened")[n % 3], f"d{n % 300}", by=("agent", "bot")[n % 2]
    ),
    "posts": lambda at, n: said(at, (-9_000, 9_000)[n // 20 % 2], post_id=f"t{n}"),
    "answered posts": lambda at, n: said(
        at, None, post_id=f"b{n}", author=("customer", "brand")[n % 2], in_reply_to=f"b{n - 1}"
    ),
}


def attributes_of(rng: random.Random) -> dict[str, str]:
    """Return attributes, as many and as long as a stream's touchpoints have."""
    count, length = rng.choice(((0, 0), (0, 0), (1, 2), (8, 8), (32, 64)))
    return {f"a{place}".ljust(length, "x"): "v" * length for place in range(count)}


def times_of(rng: random.Random, count: int) -> list[int]:
    """Return when a robot's touchpoints happen, ms after `T0`, in the order in which they arrive."""
    gap = rng.choice((0, 1, SECOND, SECOND, MINUTE, 2 * MINUTE))
    times = [number * gap for number in range(count)]
    late = rng.choice((1, 40, 100, count // 2))
    chosen = rng.random()
    if chosen < 0.5:
        # Many in order, then others before all of them, or anywhere.
        begin = rng.choice((-late, 0, count // 2, count - 60))
        return [*times, *(rng.randrange(begin, max(begin, 0) + late) * gap - 1 for _ in range(late))]
    if chosen < 0.6:
        return times[::-1]
    if chosen < 0.7:
        return rng.sample(times, count)
    if chosen < 0.8:
        return [*times[late:], *times[:late]]
    # Each so many-th is late.
    return [at - rng.randrange(count) * gap if place % late == 0 else at for place, at in enumerate(times)]


def stream(rng: random.Random, most: int) -> Iterator[bytes]:
    """Yield the records of a log with up to `most` touchpoints of one customer, and ticks."""
    makes = [KINDS[name] for name in rng.sample(sorted(KINDS), rng.choice((1, 1, 2, 4)))]
    times = times_of(rng, rng.randrange(most // 2, most))
    attributes, words = attributes_of(rng), "w" * rng.choice((0, 0, 200, 3_000, 30_000))
    lag = rng.choice((0, HOUR, 4 * DAY, 40 * DAY))
    ahead = rng.choice((0.0, 0.0, 0.01, 0.5))
    clock = 0
    for number, at in enumerate(times):
        made = rng.choice(makes)(at, number)
        clock = max(clock, made.occurred_at - lag)
        changed: dict[str, Any] = {
            # Of their own numbers: one seed gives one stream.
            "event_id": f"e{number:06}",
            "fingerprint": number,
            "source_offset": number,
            "attributes": attributes,
            "watermark": clock,
            "text": made.text or words,
        }
        if rng.random() < ahead:
            changed["received_at"] = T0 - DAY
        yield journey_log.encode(replace(made, **changed))
        if rng.random() < 0.002:
            clock += rng.choice((SECOND, HOUR))
            yield end_of_time(clock)
    for later in (6 * MINUTE, HOUR, 2 * HOUR, DAY, 4 * DAY, 8 * DAY, 40 * DAY):
        for second in range(20):
            yield end_of_time(T0 + max(times) + later + second * SECOND)


def with_removals(rng: random.Random, records: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the records of a log of one customer, and among them removals: of few or of hundreds, old or new."""
    share, again = rng.choice((0.002, 0.02, 0.2)), rng.choice((0.0, 0.5))
    known: list[tuple[str, bytes]] = []
    for number, data in enumerate(records):
        yield data
        record = journey_log.decode(data)
        if isinstance(record, Touchpoint):
            known.append((record.event_id, data))
        if known and rng.random() < share:
            begin = rng.randrange(len(known))
            chosen = known[begin : begin + rng.choice((1, 1, 2, 10, 100, 1_000))]
            yield journey_log.encode(removal(number, *(event_id for event_id, _ in chosen)))
            if rng.random() < again:
                yield from (data for _, data in chosen[:100])
