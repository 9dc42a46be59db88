"""The events of all people as one stream in order of event time, and the truth about it.

People are simulated one after the other, and their events are sorted on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from touchline.simulate.behaviour import simulate_customer, simulate_visitor
from touchline.simulate.mishaps import add_mishaps
from touchline.simulate.ordered import OrderedLines
from touchline.simulate.person import Event, Person, stamped, timestamp
from touchline.simulate.shop import DAY_MS, Period, shop_events
from touchline.simulate.truth import Truth

DEFAULT_END = datetime(2026, 1, 1, tzinfo=UTC)
"""The default end of a simulation: the same arguments give the same bytes on any day."""
_VISITORS_PER_CUSTOMER = 0.8
"""Anonymous visitors for each customer."""


def simulate(
    customers: int, days: int, seed: int, start: datetime | None = None, mishaps: int = 0
) -> tuple[Iterator[Event], dict[str, Any]]:
    """Simulate a stream.

    Args:
        customers: known customers, at least 1; about as many anonymous visitors come on top.
        days: how long, at least 1.
        seed: the same seed gives the same stream.
        start: when it begins, with a time zone; by default `days` before 2026-01-01, UTC.
        mishaps: how many steps are botched on purpose, at least 0.

    Returns:
        The events in order of time, each a JSON-able object as `touchline publish` takes it, and
        what they truly hold (`Truth.summary`).

    Raises:
        ValueError: fewer than one customer or day, fewer than no mishaps, or a start without a time zone.
    """
    lines, truth = _simulate(customers, days, seed, start, mishaps)
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    return (decode(line) for line in lines), truth


def write_simulation(
    customers: int, days: int, seed: int, out: Path, end: datetime | None = None, mishaps: int = 0
) -> None:
    """Write a stream to `out`, one JSON object a line, and its truth beside it.

    The truth of `FILE.jsonl` goes to `FILE.truth.json`. For the arguments and errors see
    `simulate`; `end` is when the stream ends, by default 2026-01-01, UTC.
    """
    start = end - timedelta(days=days) if end else None
    lines, truth = _simulate(customers, days, seed, start, mishaps)
    with out.open("wb") as file:
        file.writelines(lines)
    text = msgspec.json.format(msgspec.json.encode(truth), indent=2)
    out.with_suffix(".truth.json").write_bytes(text + b"\n")


def _simulate(
    customers: int, days: int, seed: int, start: datetime | None, mishaps: int
) -> tuple[Iterator[bytes], dict[str, Any]]:
    if customers < 1 or days < 1:
        raise ValueError(f"cannot simulate {customers} customers for {days} days: at least 1 each")
    if mishaps < 0:
        raise ValueError(f"cannot simulate {mishaps} mishaps: at least 0")
    period = period_of(days, start + timedelta(days=days) if start else None)
    lines, truth, encode = OrderedLines(), Truth(), msgspec.json.Encoder().encode
    shop = shop_events(period)
    truth.add_shop(shop)
    for at, event in shop:
        lines.add(at, encode(event) + b"\n")
    for person in _people(customers, seed, period, mishaps):
        events = sorted(
            ((at, e) for at, e in person.events_at.items() if period.start <= at < period.end),
            key=lambda each: each[0],
        )
        truth.add(person, events)
        for at, event in events:
            lines.add(at, encode(stamped(event)) + b"\n")
    head = {"seed": seed, "start": timestamp(period.start), "end": timestamp(period.end)}
    return lines.in_order(), {**head, **truth.summary()}


def period_of(days: int, end: datetime | None = None) -> Period:
    """Return the days before `end`; by default before 2026-01-01, UTC.

    Raises:
        ValueError: the end has no time zone.
    """
    end = end or DEFAULT_END
    if end.tzinfo is None:
        raise ValueError(f"the simulation's time {end.isoformat()} has no time zone")
    last = round(end.timestamp() * 1_000)
    return Period(last - days * DAY_MS, last)


def _people(customers: int, seed: int, period: Period, mishaps: int) -> Iterator[Person]:
    for number in range(1, customers + 1):
        person = simulate_customer(number, seed, period)
        random = Random(f"{seed}/mishaps/{number}")  # noqa: S311  # a simulation needs no secret randomness
        add_mishaps(person, random, period, range((number - 1) * mishaps // customers, number * mishaps // customers))
        yield person
    for number in range(1, round(customers * _VISITORS_PER_CUSTOMER) + 1):
        yield simulate_visitor(number, seed, period)
