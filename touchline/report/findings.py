"""The findings as plain values, built from the rows of `report.queries` without a database.

Times are epoch milliseconds, UTC; experience is in [-1, 1]; money is in minor units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from touchline.report.changes import Change
from touchline.report.estimates import Estimate, RowDict
from touchline.report.levels import Levels
from touchline.report.people import People
from touchline.report.reasons import Reasons
from touchline.report.service import Care
from touchline.report.topics import Topics
from touchline.report.value import Value

Direction = Literal["worse", "better"]
"""The direction of a shift."""


@dataclass(frozen=True)
class Intake:
    """What came in.

    Attributes:
        identifiers: those that are known to be customers'.
        identified: the customers whose they are.
        kinds: touchpoints a kind, the most frequent first.
    """

    touchpoints: int
    customers: int
    anonymous: int
    identifiers: int
    identified: int
    first_at: int | None
    last_at: int | None
    kinds: dict[str, int]
    revenue: dict[str, int]
    refused: dict[str, int]


@dataclass(frozen=True)
class Abandoned:
    """All abandoned things of one subject. `lost` and `recovered` are sums of money by currency."""

    subject: str
    abandoned: int
    came_back: int
    lost: dict[str, int]
    recovered: dict[str, int]


@dataclass(frozen=True)
class Shift:
    """A lasting change of one customer's experience, the touchpoint that began it, and its likely cause."""

    customer_id: str
    journey_id: str
    direction: Direction
    onset_at: int
    onset_event_id: str
    before: float
    after: float
    cause_event_id: str | None
    cause_kind: str | None
    cause_action: str
    cause_text: str
    cause_at: int | None
    onset_kind: str
    onset_action: str
    onset_text: str

    @property
    def change(self) -> float:
        """How far experience moved; negative when it fell."""
        return self.after - self.before


@dataclass(frozen=True)
class Step:
    """One touchpoint of a journey."""

    event_id: str
    at: int
    kind: str
    action: str
    channel: str
    text: str
    experience: float | None
    value_minor: int | None
    currency: str | None


@dataclass(frozen=True)
class Journey:
    """The journey with the largest shift for the worse: touchpoints in order, and its turns."""

    shift: Shift
    outcome: str
    steps: list[Step]
    turns: list[Shift] = field(default_factory=list)


@dataclass(frozen=True)
class Findings:
    """All findings of the report.

    Attributes:
        changes: those that are judged.
        changes_left_out: how many are not, as there are newer ones.
    """

    intake: Intake
    people: People
    ratings: dict[str, Estimate]
    service: dict[str, Estimate]
    levels: Levels
    care: Care
    reasons: Reasons
    value: Value
    topics: Topics
    abandoned: list[Abandoned]
    worse: list[Shift]
    better: list[Shift]
    worst_journey: Journey | None
    changes: list[Change]
    changes_left_out: int


def build_intake(
    kinds: Iterable[RowDict],
    customers: Iterable[RowDict],
    identifiers: Iterable[RowDict],
    revenue: Iterable[RowDict],
    refused: Iterable[RowDict],
) -> Intake:
    """Return what came in, from the rows of the queries of the same names."""
    kind_rows = list(kinds)
    counted = {str(row["kind"]): int(row["n"]) for row in kind_rows}
    people = next(iter(customers), {"customers": 0, "anonymous": 0})
    known = next(iter(identifiers), {"identifiers": 0, "customers": 0})
    return Intake(
        touchpoints=sum(counted.values()),
        customers=int(people["customers"]),
        anonymous=int(people["anonymous"]),
        identifiers=int(known["identifiers"]),
        identified=int(known["customers"]),
        first_at=min((int(row["first_at"]) for row in kind_rows), default=None),
        last_at=max((int(row["last_at"]) for row in kind_rows), default=None),
        kinds=dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))),
        revenue={str(row["currency"]): int(row["amount_minor"]) for row in revenue},
        refused={str(row["reason"]): int(row["n"]) for row in refused},
    )


def build_abandoned(rows: Iterable[RowDict]) -> list[Abandoned]:
    """Return one line a subject, from rows of subject, status and currency."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    money: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        subject, status = str(row["subject"]), str(row["status"])
        counts[subject][status] += int(row["n"])
        if row["currency"] and row["value_minor"] is not None:
            money[subject][status][str(row["currency"])] = int(row["value_minor"])
    return [
        Abandoned(
            subject=subject,
            abandoned=sum(by_status.values()),
            came_back=by_status["recovered"],
            lost=money[subject]["abandoned"],
            recovered=money[subject]["recovered"],
        )
        for subject, by_status in sorted(counts.items())
    ]


def build_shifts(rows: Iterable[RowDict]) -> list[Shift]:
    """Return the shifts, the largest change first; equals by time, then by customer."""
    shifts = [_shift(row) for row in rows]
    return sorted(shifts, key=lambda shift: (-abs(shift.change), shift.onset_at, shift.customer_id))


def _shift(row: RowDict) -> Shift:
    cause_at = row["cause_at"]
    return Shift(
        customer_id=str(row["customer_id"]),
        journey_id=str(row["journey_id"]),
        direction="worse" if row["direction"] == "worse" else "better",
        onset_at=int(row["onset_at"]),
        onset_event_id=str(row["onset_event_id"]),
        before=float(row["before_mean"]),
        after=float(row["after_mean"]),
        cause_event_id=row["cause_event_id"] or None,
        cause_kind=row["cause_kind"] or None,
        cause_action=str(row["cause_action"] or ""),
        cause_text=str(row["cause_text"] or ""),
        cause_at=int(cause_at) if cause_at else None,
        onset_kind=str(row["onset_kind"]),
        onset_action=str(row["onset_action"]),
        onset_text=str(row["onset_text"]),
    )


def build_journey(worst: Shift, shifts: Sequence[Shift], outcome: str, rows: Iterable[RowDict]) -> Journey:
    """Return the journey in which the shift `worst` lies; `rows` are its touchpoints, in order."""
    return Journey(
        shift=worst,
        outcome=outcome,
        steps=[_step(row) for row in rows],
        turns=[shift for shift in shifts if shift.journey_id == worst.journey_id],
    )


def _step(row: RowDict) -> Step:
    experience, value = row["experience"], row["value_minor"]
    return Step(
        event_id=str(row["event_id"]),
        at=int(row["at"]),
        kind=str(row["kind"]),
        action=str(row["action"]),
        channel=str(row["channel"]),
        text=str(row["text"]),
        experience=None if experience is None else float(experience),
        value_minor=None if value is None else int(value),
        currency=row["currency"] or None,
    )
