"""A simulated shop that goes on now, for what the views say of now: who stands where, who has left, and what grows."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from tests.integration.shop import Event
from touchline.simulate import simulate

_SALE_BEFORE_END = timedelta(days=4)
_SALE_HOURS = 6


def write_present(customers: int, days: int, seed: int, file: Path) -> None:
    """Write a simulation that ends where today, UTC, begins, in order of time.

    In it everything goes on as usual but for a sale, so that something is to be found that is not.

    Args:
        customers: simulated customers, at least 1.
        days: how long, at least 60: what is usual is known after 48.
        seed: the same seed gives the same stream on the same day.
        file: gets a JSON object a line.
    """
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    encode = msgspec.json.Encoder().encode
    with file.open("wb") as out:
        for event in present(customers, days, seed, today):
            out.write(encode(event) + b"\n")


def present(customers: int, days: int, seed: int, end: datetime) -> Iterator[Event]:
    """Return what `write_present` writes, for any end."""
    events, _ = simulate(customers, days, seed, end - timedelta(days=days))
    return heapq.merge(events, _sale(end - _SALE_BEFORE_END, customers), key=_occurred_at)


def _sale(begins: datetime, customers: int) -> Iterator[Event]:
    """Yield orders by newcomers: in each hour of a sale more than one for ten customers."""
    each_hour = 10 + customers // 10
    for number in range(_SALE_HOURS * each_hour):
        at = begins + number * timedelta(hours=1) / each_hour
        yield {
            "kind": "purchase",
            "event_id": f"sale-{number}",
            "occurred_at": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
            "source": "orders",
            "customer_id": f"S{number}",
            "order_id": f"oS{number}",
            "action": "placed",
            "amount_minor": 890,
            "currency": "EUR",
        }


def _occurred_at(event: Event) -> str:
    """Return the time as it is written: all are in UTC, with milliseconds."""
    return str(event["occurred_at"])
