"""What the report says of service, built of the rows of its queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from touchline.report.estimates import Estimate, RowDict, share_estimate

FEWEST_TIMES = 2
"""How often a name has to be given in praise to be told: once is chance."""


@dataclass(frozen=True)
class Share:
    """A share of what was served as it should be, and the share that it should reach, if there is such a target."""

    name: str
    estimate: Estimate
    target: float | None

    @property
    def is_missed(self) -> bool:
        """Whether it lies below its target, and not by chance."""
        return self.target is not None and self.estimate.high is not None and self.estimate.high < self.target


@dataclass(frozen=True)
class Duration:
    """How long something takes in half of all cases, in seconds, and in how many it was seen."""

    name: str
    median: float
    n: int


@dataclass(frozen=True)
class OpenCase:
    """A case that is not solved: its age in seconds, and whether a person has answered."""

    customer_id: str
    case_id: str
    topic: str
    age: float
    answered: bool


@dataclass(frozen=True)
class Waiting:
    """What is not solved: how many cases, how many of them no person has answered, and the oldest of them all."""

    cases: int
    unanswered: int
    oldest: list[OpenCase]


@dataclass(frozen=True)
class OpenFollowUps:
    """Customers whom nobody has got back to yet for a reason: how many, how many too late, and the longest, seconds."""

    reason: str
    customers: int
    late: int
    oldest: float


@dataclass(frozen=True)
class QuestionResult:
    """How many of the answers to a question of a survey are good."""

    survey_id: str
    question: str
    text: str
    estimate: Estimate


@dataclass(frozen=True)
class Staff:
    """Of the customers who answered after calls and cases of a member of staff, how many gave good scores."""

    name: str
    estimate: Estimate


@dataclass(frozen=True)
class Mentions:
    """Posts and reviews by customers; the oldest that nobody has answered has this age in seconds."""

    answered: Estimate
    oldest: float | None


@dataclass(frozen=True)
class Page:
    """A page of the site: in how many sessions it was seen, failed, and was the last one."""

    name: str
    sessions: int
    failed: int
    lost: int


@dataclass(frozen=True)
class Care:
    """All that the report says of service.

    Attributes:
        shares: in the order in which they are shown.
        durations: in the order in which they are shown.
        longest_silence: the longest time that a customer with a case went without news, seconds.
        follow_ups: by reason, the one with the most that are late first.
        questions: those with a score, the worst first.
        staff: those whose customers answered, the surest praise first.
        praised: how often customers gave a name in praise, the most frequent first.
        pages: those that enough sessions have seen.
        fewest: of fewer observations a figure says little about a person or a question.
    """

    shares: list[Share]
    durations: list[Duration]
    longest_silence: float | None
    waiting: Waiting
    follow_ups: list[OpenFollowUps]
    questions: list[QuestionResult]
    staff: list[Staff]
    praised: dict[str, int]
    mentions: Mentions | None
    pages: list[Page]
    fewest: int


def build_shares(names: Iterable[str], rows: Iterable[RowDict]) -> list[Share]:
    """Return the shares that were observed, in the order of their names."""
    found: Mapping[str, RowDict] = {str(row["metric"]): row for row in rows}
    shares = []
    for name in names:
        row = found.get(name)
        estimate = share_estimate(round(float(row["counted"] or 0)), int(row["of"])) if row else None
        if row is not None and estimate is not None:
            target = row["target"]
            shares.append(Share(name, estimate, None if target is None else float(target)))
    return shares


def build_durations(names: Iterable[str], row: RowDict) -> list[Duration]:
    """Return the durations that were observed, of a row with the median and the number of each."""
    return [Duration(name, float(row[name]), int(row[f"{name}_n"])) for name in names if int(row[f"{name}_n"])]


def build_waiting(rows: Iterable[RowDict]) -> Waiting:
    """Return what waits, of the oldest open cases; each row has the numbers of all."""
    found = list(rows)
    if not found:
        return Waiting(0, 0, [])
    oldest = [
        OpenCase(
            customer_id=str(row["customer_id"]),
            case_id=str(row["case_id"]),
            topic=str(row["topic"]),
            age=float(row["age"]),
            answered=bool(int(row["answered"])),
        )
        for row in found
    ]
    return Waiting(int(found[0]["open_cases"]), int(found[0]["unanswered"]), oldest)


def build_follow_ups(rows: Iterable[RowDict]) -> list[OpenFollowUps]:
    """Return whom nobody has got back to."""
    return [
        OpenFollowUps(str(row["reason"]), int(row["customers"]), int(row["late"]), float(row["oldest"])) for row in rows
    ]


def build_questions(rows: Iterable[RowDict]) -> list[QuestionResult]:
    """Return the results by question, the lowest share first, then by name."""
    results = [
        QuestionResult(str(row["survey_id"]), str(row["question"]), str(row["text"]), estimate)
        for row in rows
        if (estimate := share_estimate(int(row["favourable"]), int(row["of"]))) is not None
    ]
    return sorted(results, key=lambda one: (one.estimate.value, one.survey_id, one.question))


def build_staff(rows: Iterable[RowDict]) -> list[Staff]:
    """Return the staff whose customers answered: those first whose share is the highest for sure, then by name."""
    staff = [
        Staff(str(row["agent"]), estimate)
        for row in rows
        if (estimate := share_estimate(int(row["favourable"]), int(row["of"]))) is not None
    ]
    return sorted(staff, key=lambda one: (-(one.estimate.low or 0.0), one.name))


def build_praised(rows: Iterable[RowDict]) -> dict[str, int]:
    """Return the names that were given more than once."""
    return {str(row["name"]): int(row["n"]) for row in rows if int(row["n"]) >= FEWEST_TIMES}


def build_mentions(rows: Iterable[RowDict]) -> Mentions | None:
    """Return what is posted and answered; None without posts."""
    row = next(iter(rows), None)
    estimate = share_estimate(int(row["answered"]), int(row["posts"])) if row else None
    if row is None or estimate is None:
        return None
    oldest = row["oldest"]
    return Mentions(estimate, None if oldest is None else float(oldest))


def build_pages(rows: Iterable[RowDict]) -> list[Page]:
    """Return the pages."""
    return [Page(str(row["page"]), int(row["sessions"]), int(row["failed"]), int(row["lost"])) for row in rows]
