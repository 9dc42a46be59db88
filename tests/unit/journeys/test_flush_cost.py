"""What a flush takes from one turn of others to the next, however much a chunk or a leap of time has changed."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas import journey_log
from schemas.journey_log import LogRecord
from schemas.metrics import SPEED_OF_ANSWER
from schemas.steps import end_of
from streams.journeys import customers
from streams.journeys.dimension_values import DimensionValues
from streams.journeys.effects import MetricDelta
from streams.journeys.metrics import SAMPLES_MAX, Buckets
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.journeys.state import Attribution
from tests.simulation.journeys_log import end_of_time
from tests.unit.instructions import OPCODES, opcodes_of_steps
from tests.unit.journeys.play import DAY, HOUR, SECOND, T0, cart, order

MANY = 400


def apply(partition: Partition, *records: LogRecord) -> None:
    for record in records:
        partition.apply(partition.offset + 1, record, journey_log.encode(record))


def carts_and_orders() -> Partition:
    """Return a partition whose many customers have a cart and an order each, in hours and buckets of their own."""
    partition = Partition(0, 1, Rules())
    for number in range(MANY):
        at, customer, attributes = number * HOUR // 2, f"c{number}", {"region": f"r{number}"}
        apply(partition, cart(at, "item_added", f"k{number}", customer_key=customer, attributes=attributes))
        apply(partition, order(at + SECOND, customer_key=customer, attributes=attributes))
    return partition


def test_what_many_customers_have_changed_is_written_in_steps() -> None:
    partition = carts_and_orders()

    steps = opcodes_of_steps(partition.flushing())

    assert sum(steps) > 10 * OPCODES
    assert max(steps) < OPCODES / 10


def test_what_a_leap_of_time_ends_is_written_in_steps() -> None:
    """All carts are abandoned, all profiles are forgotten, and all hours, buckets and values are final at once."""
    partition = carts_and_orders()
    partition.flush()
    taken = []
    for at in (40 * DAY, 900 * DAY, 901 * DAY):
        apply(partition, journey_log.decode(end_of_time(T0 + at)))
        taken.append(opcodes_of_steps(partition.flushing()))

    assert sum(map(sum, taken)) > 5 * OPCODES
    assert max(map(max, taken)) < OPCODES / 10
    assert partition.sizes["buckets"] == 0


def test_decoded_customers_are_let_go_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers, "CACHED", MANY - 1)
    partition = carts_and_orders()

    written = len(opcodes_of_steps(partition.flushing()))
    monkeypatch.setattr(customers, "CACHED", MANY)
    kept = len(opcodes_of_steps(carts_and_orders().flushing()))

    assert written - kept >= MANY


def test_buckets_of_many_durations_are_written_one_by_one() -> None:
    """A row of 2,048 durations takes half a millisecond, whatever the number of instructions."""
    counted = Buckets(0, None, 3 * DAY, DimensionValues(1))
    attributes = {f"a{number}": "v" for number in range(8)}
    samples = tuple((duration, 1) for duration in range(SAMPLES_MAX))
    at = Attribution(T0, "phone", attributes, 1)
    counted.apply(MetricDelta(SPEED_OF_ANSWER, at, T0, None, SAMPLES_MAX, 1, 0, samples=samples), 1, "c1")

    rows = len(end_of(counted.flushing(0, Counter()))[0])
    counted.apply(MetricDelta(SPEED_OF_ANSWER, at, T0, None, 1, 1, 0, samples=((1, 1),)), 2, "c1")

    assert rows == 10
    assert len(list(counted.flushing(0, Counter()))) == rows
