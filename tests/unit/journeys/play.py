"""Hand-made touchpoints of one customer, played through a partition: what the tables then show."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import msgspec

from schemas import journey_log
from schemas.journey_log import LogRecord, Tick, Touchpoint
from schemas.kinds.cart_event import CartEvent
from schemas.kinds.case_event import CaseEvent
from schemas.kinds.page_view import PageView
from schemas.kinds.purchase import Purchase
from schemas.kinds.support_call import SupportCall
from schemas.kinds.survey_answer import SurveyAnswer
from schemas.kinds.tweet import Tweet
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from tests.simulation.journeys_log import Tables, removal

T0 = 1_717_236_000_000
"""2024-06-01 10:00:00 UTC."""
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_numbers = itertools.count()


def make(struct: Any, at: int, **fields: Any) -> Touchpoint:
    """Return a touchpoint `at` ms after `T0`, of customer ann unless said otherwise."""
    number = next(_numbers)
    common: dict[str, Any] = {
        "task": 0,
        "source_topic": "test",
        "source_partition": 0,
        "source_offset": number,
        "watermark": 0,
        "received_at": T0 + at,
        "fingerprint": number,
        "event_id": f"e{number:06}",
        "occurred_at": T0 + at,
        "source": "test",
        "customer_key": "ann",
        "channel": "web",
        "attributes": {},
    }
    made: Touchpoint = struct(**{**common, **fields})
    return made


def cart(at: int, action: str, cart_id: str = "k", value: int = 0, quantity: int = 1, **more: Any) -> Touchpoint:
    fields = {"cart_id": cart_id, "action": action, "value_minor": value, "quantity": quantity, "currency": "EUR"}
    return make(CartEvent, at, **{**fields, **more})


def order(at: int, amount: int = 1_000, **more: Any) -> Touchpoint:
    fields = {"order_id": f"o{next(_numbers)}", "action": "placed", "amount_minor": amount, "currency": "EUR"}
    return make(Purchase, at, **{**fields, **more})


def call(at: int, phase: str, call_id: str = "c", **more: Any) -> Touchpoint:
    return make(SupportCall, at, call_id=call_id, phase=phase, channel="phone", **more)


def survey(at: int, phase: str, response_id: str = "r", **more: Any) -> Touchpoint:
    return make(SurveyAnswer, at, response_id=response_id, survey_id="s", phase=phase, channel="survey", **more)


def case(at: int, phase: str, case_id: str = "d", **more: Any) -> Touchpoint:
    fields = {"case_id": case_id, "phase": phase, "by": "customer", "channel": "email"}
    return make(CaseEvent, at, **{**fields, **more})


def said(at: int, sentiment: int | None, **more: Any) -> Touchpoint:
    fields = {"post_id": "t", "author": "customer", "text": "words"}
    return make(Tweet, at, sentiment=sentiment, **{**fields, **more})


def seen_page(at: int, **more: Any) -> Touchpoint:
    return make(PageView, at, page="/", area="site", action="view", **more)


class Play:
    """A partition and its tables; time is told by `at`."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.partition = Partition(0, 1, rules or Rules())
        self.tables = Tables()
        self.outputs: list[Output] = []
        self._offsets = itertools.count()

    def send(self, *records: LogRecord) -> Play:
        """Let touchpoints, and what is said of them, arrive one after another, in a chunk of their own."""
        for record in records:
            self.partition.apply(next(self._offsets), record, journey_log.encode(record))
        return self._flush()

    def remove(self, *event_ids: str) -> Play:
        """Let touchpoints of ann be taken out."""
        offset = next(self._offsets)
        record = removal(offset, *event_ids)
        self.partition.apply(offset, record, journey_log.encode(record))
        return self._flush()

    def at(self, at: int) -> Play:
        """Let the log's time, and the settled time, be `at` ms after `T0` (and the lateness of five minutes more).

        Where steps leave something to later ones, time goes on by milliseconds until nothing is left.
        """
        self._apply_tick(T0 + at + 5 * MINUTE)
        while is_busy(self.partition):
            self._apply_tick(self.partition.time + 1)
        return self._flush()

    def tick(self, at: int, settled: int) -> Play:
        """Let the log's time be `at` ms after `T0`, and the settled time `settled` ms after it; steps go on by one."""
        self._apply_tick(T0 + at, T0 + settled)
        return self._flush()

    def _apply_tick(self, at: int, settled: int | None = None) -> None:
        tick = Tick(at, at if settled is None else settled)
        self.partition.apply(next(self._offsets), tick, journey_log.encode(tick))

    @property
    def clock(self) -> dict[str, Any]:
        """The partition's row of the clocks."""
        (row,) = self.tables.rows["clocks"].values()
        return row

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.tables.seen()[table]

    def row(self, table: str) -> dict[str, Any]:
        (only,) = self.rows(table)
        return only

    def metric(self, name: str, dimension: str = "all", value: str = "") -> dict[str, Any]:
        """Return a metric's sums over all buckets of a dimension's value."""
        total: dict[str, Any] = {"n": 0, "numerator": 0, "samples": []}
        for bucket in self.rows("metric_buckets"):
            if (bucket["metric"], bucket["dimension"], bucket["dimension_value"]) == (name, dimension, value):
                for part in total:
                    total[part] += bucket[part]
        return total

    def counted(self, name: str) -> int:
        return sum(output.counts[name] for output in self.outputs)

    def restarted(self, rules: Rules | None = None) -> Play:
        """Go on from the changelog, as after a restart."""
        entries: dict[bytes, bytes | None] = {}
        for output in self.outputs:
            entries.update(output.state)
        self.partition = Partition(0, 1, rules or Rules())
        for key, value in entries.items():
            self.partition.restore(key, value)
        self.partition.restored()
        return self

    def _flush(self) -> Play:
        output = self.partition.flush()
        self.tables.write(output)
        self.outputs.append(output)
        return self


def is_busy(partition: Partition) -> bool:
    """Return whether a step of a customer has left something to later ones."""
    return any(timeline.moved or timeline.is_behind for timeline in partition.customers._cache.values())


def played(touchpoints: Iterable[Touchpoint], until: int) -> Play:
    """Return what touchpoints lead to by `until` ms after `T0`."""
    return Play().send(*touchpoints).at(until)


def times(row: dict[str, Any], *names: str) -> list[int]:
    """Return a row's times as ms after `T0`."""
    return [row[name] - T0 for name in names]


def changed(touchpoint: Touchpoint, **fields: Any) -> Touchpoint:
    return msgspec.structs.replace(touchpoint, **fields)
