"""Rows that differ from those of a simpler account of the same story, by name, and why they do.

One account tells who owns what before anything else. It differs where an owner heard of a change in a profile's things
when it had settled: ADR 31 names that limit. In another one all state their owners, and it knows nothing of things. It
differs in what becomes of a profile's things, and in how customers felt at the end of a profile's calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas import journey_log
from schemas.journey_log import LogRecord, Moved, Tick, Touchpoint, Withdrawn
from schemas.kinds.support_call import SupportCall
from schemas.transfers import Adopted
from schemas.units import DAY_MS, MINUTE_MS
from streams.journeys import things
from streams.journeys.rules import Rules
from streams.journeys.state import Call, Cart, Survey
from streams.journeys.things import Things

OF_TOUCHPOINTS = {"experience", "orders", "refunds", "revenue", "sentiment", "sentiment_shifts"}
"""Metrics in which no thing counts."""
FELT = {"experience_n", "experience_sum", "experience_first", "experience_last"}
FELT_LAST = {*FELT, "status"}
"""A customer's status says whether their last turn was for the worse."""

Shown = dict[str, list[Any]]
"""Rows by table, each with its columns and their values as texts; metrics begin with their names and buckets."""


@dataclass
class Excepted:
    """Rows that are not compared.

    Attributes:
        subjects: customers with the ids of their carts, calls and responses.
        minutes: in which such a thing, or a question, is counted, ms as texts.
        with_cases: customers whose open cases are not compared.
        ends: event ids of the ends of calls.
        heard: customers with such a thing, whose follow-ups are not compared.
    """

    subjects: set[tuple[str, str]] = field(default_factory=set)
    minutes: set[str] = field(default_factory=set)
    with_cases: set[str] = field(default_factory=set)
    ends: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)

    def without(self, tables: Shown) -> Shown:
        """Return the rows that are compared, without columns that are not."""
        ends = [row for row in map(dict, tables["touchpoints"]) if self._is_end(row)]
        event_ids, customers, journeys = (
            {row[name] for row in ends} for name in ("event_id", "customer_id", "journey_id")
        )
        shifts = [row for row in map(dict, tables["sentiment_shifts"]) if row["customer_id"] in customers]
        felt = {("experience", _minute(row["occurred_at"])) for row in ends}
        felt |= {("sentiment_shifts", _minute(row["onset_at"])) for row in shifts}
        return {
            **tables,
            "touchpoints": _hidden(tables["touchpoints"], "event_id", event_ids, {"experience"}),
            "journeys": _hidden(tables["journeys"], "journey_id", journeys, FELT),
            "customers": _hidden(
                _hidden(tables["customers"], "customer_id", customers, FELT_LAST),
                *("customer_id", self.with_cases, {"open_cases"}),
            ),
            "sentiment_shifts": [row for row in tables["sentiment_shifts"] if dict(row) not in shifts],
            "abandonments": [row for row in tables["abandonments"] if not self._is_named(dict(row))],
            "follow_ups": [
                row for row in tables["follow_ups"] if dict(row)["customer_id"] not in customers | self.heard
            ],
            "metrics": [
                row
                for row in tables["metrics"]
                if (row[0], row[1]) not in felt and (row[0] in OF_TOUCHPOINTS or row[1] not in self.minutes)
            ],
        }

    def _is_named(self, row: Mapping[str, str]) -> bool:
        return (row["customer_id"], row["subject_id"]) in self.subjects

    def _is_end(self, row: Mapping[str, str]) -> bool:
        return row["event_id"] in self.ends or (row["action"] == "ended" and self._is_named(row))


def heard_late(logs: Iterable[Iterable[LogRecord]], rules: Rules) -> Excepted:
    """Return what may differ as an owner heard of a change in a profile's things when the log had settled beyond it.

    Args:
        logs: of all partitions.
    """
    found = Excepted()
    for owner, changed in (one for log in logs for one in _changed_late(log, rules)):
        found.heard.add(owner)
        kept: dict[str, Cart | Call | Survey] = {**changed.carts, **changed.calls, **changed.surveys}
        for name, thing in kept.items():
            # A key says when the thing began, where another one has its id.
            found.subjects.add((owner, name.partition(" ")[0]))
            found.minutes.add(_minute(thing.attribution.at))
        found.minutes |= {_minute(asked.at) for asked in changed.unanswered.values()}
        found.with_cases |= {owner} if changed.cases else set()
    return found


def _changed_late(log: Iterable[LogRecord], rules: Rules) -> Iterator[tuple[str, Things]]:
    """Yield who heard too late of which things, as they are and as they were before."""
    settled_before = 0
    received: dict[int, int] = {}
    known: dict[tuple[str, str], Adopted] = {}
    for record in log:
        if isinstance(record, Tick):
            settled_before = max(settled_before, record.settled - rules.moved_ms - rules.allowed_lateness_ms)
        if not isinstance(record, Moved | Withdrawn) or record.number <= received.get(record.sender, -1):
            continue
        received[record.sender] = record.number
        changed: list[Adopted] = []
        if isinstance(record, Withdrawn):
            keys = [(record.customer_key, event_id) for event_id in record.timeline_ids]
            changed = [known.pop(key) for key in keys if key in known]
        elif isinstance(adopted := journey_log.decode(record.record), Adopted):
            key = record.customer_key, adopted.event_id
            changed = [adopted, *([known[key]] if key in known else [])]
            known[key] = adopted
        yield from (
            (record.customer_key, things.decode(one.things)) for one in changed if one.occurred_at < settled_before
        )


def ends_of_adopted_calls(touchpoints: Iterable[Touchpoint], owner_of: Callable[[str, int], str]) -> Excepted:
    """Return the ends of calls of which a profile had an earlier phase that is not its owner's.

    Args:
        touchpoints: by their owners.
        owner_of: returns who owns what a key did at a time, ms.
    """
    phases = [one for one in touchpoints if isinstance(one, SupportCall)]
    found = Excepted()
    for end in phases:
        before = [
            one
            for one in phases
            if one.call_id == end.call_id and end.occurred_at - DAY_MS < one.occurred_at <= end.occurred_at
        ]
        if end.phase == "ended" and any(
            one.customer_key != end.customer_key == owner_of(one.customer_key, end.occurred_at) for one in before
        ):
            found.ends.add(end.event_id)
    return found


def without_things(tables: Shown) -> Shown:
    """Return rows without what becomes of carts, calls, responses, cases and posts after their first touchpoint."""
    found = {name: rows for name, rows in tables.items() if name not in {"abandonments", "follow_ups"}}
    for table, hidden in (("customers", "open_cases"), ("journeys", "outcome")):
        found[table] = [[column for column in row if column[0] != hidden] for row in tables[table]]
    found["metrics"] = [row for row in tables["metrics"] if row[0] in OF_TOUCHPOINTS]
    return found


def _hidden(rows: Iterable[Any], name: str, values: set[str], hidden: set[str]) -> list[Any]:
    """Return rows without some columns where one column has one of some values."""
    return [[one for one in row if one[0] not in hidden] if dict(row)[name] in values else row for row in rows]


def _minute(at: int | str) -> str:
    return str(int(at) // MINUTE_MS * MINUTE_MS)
