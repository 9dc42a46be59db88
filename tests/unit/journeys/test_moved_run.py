"""Touchpoints that are forwarded together are put in their places together."""

from __future__ import annotations

from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import LogRecord, Moved, Tick
from schemas.rows import JourneyRow
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from tests.unit.journeys.play import DAY, MINUTE, T0, seen_page

VISIT = 12


def test_a_visit_that_moves_before_a_login_costs_one_recomputation() -> None:
    partition = Partition(0, 1, Rules(moved_ms=3 * DAY))
    later = [seen_page(DAY + number * MINUTE, event_id=f"l{number}", watermark=T0 + DAY) for number in range(3)]
    visit = [
        replace(seen_page(number * MINUTE, event_id=f"v{number}"), customer_key="anon:cookie:k", moves=1)
        for number in range(VISIT)
    ]
    moved = [Moved(later[0].customer_key, 1, number, journey_log.encode(one)) for number, one in enumerate(visit)]
    records: list[LogRecord] = [*later, *moved, Tick(T0 + DAY + 4 * MINUTE)]

    for offset, record in enumerate(records):
        partition.apply(offset, record, journey_log.encode(record))
    output = partition.flush()

    assert output.counts["recomputations"] == 1
    (journey,) = output.facts["journeys"]
    assert isinstance(journey, JourneyRow)
    assert (journey.started_at, journey.touchpoints) == (T0, VISIT + 3)
