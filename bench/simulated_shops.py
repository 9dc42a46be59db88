"""Shops of `touchline simulate` in which nothing changes, as what is observed around a change that does nothing."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.changes import DAYS, OTHERS, SURVEYS, Cell
from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.jsonl import parse_line
from schemas.avro.registry import FileRegistry
from schemas.kinds.survey_answer import SurveyAnswer
from schemas.kinds.touchpoint import Touchpoint
from schemas.units import DAY_MS, SCALE
from streams.intake.accept import Source, accept
from streams.journeys.experience import experience_of
from streams.sentiment import VaderScorer
from touchline.simulate.behaviour import simulate_customer
from touchline.simulate.person import timestamp
from touchline.simulate.shop import Period

START = 1_761_955_200_000
"""1 November 2025, 00:00 UTC, in ms."""
HISTORY_DAYS = 56


class _QuietPeriod(Period):
    """A time without a change of carrier."""

    @property
    def carrier_start(self) -> int:
        return self.end


class SimulatedShops:
    """Makes shops without turns of mood and without troubled deliveries; one may make many."""

    def __init__(self) -> None:
        self._codec = Codec(FileRegistry())
        self._scorer = VaderScorer()
        self._encode = msgspec.json.Encoder().encode

    def observe(self, seed: int, customers: int) -> dict[str, list[Cell]]:
        """Return the experiences in a shop by metric, for a change `HISTORY_DAYS` after its start.

        Calls are left out: their experience depends on their whole course, which the worker follows.
        """
        metrics: dict[str, list[Cell]] = {SURVEYS: [], OTHERS: []}
        for touchpoint in self._touchpoints(seed, customers):
            experience = experience_of(touchpoint)
            if experience is not None:
                cells = metrics[SURVEYS if isinstance(touchpoint, SurveyAnswer) else OTHERS]
                day = (touchpoint.occurred_at - START) // DAY_MS - HISTORY_DAYS
                cells.append(Cell(touchpoint.customer_key, day, experience / SCALE))
        return metrics

    def _touchpoints(self, seed: int, customers: int) -> Iterator[Touchpoint]:
        period = _QuietPeriod(START, START + (HISTORY_DAYS + DAYS) * DAY_MS)
        for number in range(1, customers + 1):
            person = simulate_customer(number, seed, period)
            if person.turns:
                continue
            for at, event in person.events_at.items():
                said = {**event, "occurred_at": timestamp(at)}
                if "eta_at" in said:
                    said["eta_at"] = timestamp(said["eta_at"])
                if period.start <= at < period.end:
                    kind, record = parse_line(self._encode(said))
                    decoded = self._codec.decode(kind, self._codec.encode(KIND_RECORDS[kind], record))
                    accepted = accept(
                        kind,
                        decoded,
                        Source(task=0, topic="", partition=0, offset=0, received_at=at),
                        now=period.end,
                        scorer=self._scorer,
                    )
                    if isinstance(accepted, Touchpoint):
                        yield accepted
