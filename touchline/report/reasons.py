"""Why customers call, which of the loyal are at risk, and what those went through who left: built of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from touchline.report.estimates import RowDict


@dataclass(frozen=True)
class Cause:
    """A step that leads to calls: on how many days it was taken, how many of them a call followed, how many more so.

    Attributes:
        detail, value: what is known of the step, "" for nothing.
        seconds: the time that agents had these calls, None where it is not known.
    """

    kind: str
    action: str
    failed: bool
    detail: str
    value: str
    days: int
    called: int
    more: float
    seconds: float | None


@dataclass(frozen=True)
class Causes:
    """The steps that lead to calls most surely, and how many others there are."""

    first: list[Cause]
    others: int


@dataclass(frozen=True)
class AtRisk:
    """A loyal customer who needs care: why, what they are worth, and since when their experience is below zero, ms."""

    customer_id: str
    reasons: list[str]
    value_minor: int
    currency: str
    since: int | None


@dataclass(frozen=True)
class Loyalty:
    """How many customers are loyal, how many of them are at risk, and those that matter most.

    Attributes:
        is_of_today: whether the views, which go by the clock, tell the same: they do where the data ended today.
    """

    loyal: int
    at_risk: int
    first: list[AtRisk]
    is_of_today: bool


@dataclass(frozen=True)
class Left:
    """Those who left: how many, how many had been loyal, what they had brought, by currency.

    Attributes:
        bad: of each step that was bad in their last 30 days, kind and action, how many customers had it; most first.
        other_steps: how many other such steps there are.
        is_of_today: as of `Loyalty`.
    """

    customers: int
    loyal: int
    value_minor: dict[str, int]
    bad: list[tuple[str, str, int]]
    other_steps: int
    is_of_today: bool


@dataclass(frozen=True)
class Reasons:
    """What leads people to call, whose loyalty is at risk, and why people left."""

    causes: Causes
    loyalty: Loyalty
    left: Left


def build_causes(rows: Iterable[RowDict]) -> Causes:
    """Return the steps that lead to calls, in the order of their rows, of which each says how many there are."""
    rows = list(rows)
    first = [
        Cause(
            *_kind_and_action(row["step"]),
            failed=bool(row["failed"]),
            detail=str(row["detail"]),
            value=str(row["detail_value"]),
            days=int(row["days"]),
            called=int(row["called"]),
            more=float(row["more"]),
            seconds=None if row["seconds"] is None else float(row["seconds"]),
        )
        for row in rows
    ]
    return Causes(first, others=_others(rows))


def _others(rows: Sequence[RowDict]) -> int:
    """Return how many there are beyond the rows."""
    return int(rows[0]["in_all"]) - len(rows) if rows else 0


def _are_of_today(rows: Sequence[RowDict]) -> bool:
    return not any(int(row["days_ago"]) for row in rows)


def build_loyalty(rows: Iterable[RowDict]) -> Loyalty:
    """Return who is at risk, of rows that each say how many there are in all."""
    rows = list(rows)
    first = [
        AtRisk(
            customer_id=str(row["customer_id"]),
            reasons=[str(reason) for reason in row["reasons"]],
            value_minor=int(row["value_minor"]),
            currency=str(row["currency"]),
            since=None if row["since"] is None else int(row["since"]),
        )
        for row in rows
        if row["reasons"]
    ]
    told = rows[0] if rows else {"loyal": 0, "at_risk": 0}
    return Loyalty(loyal=int(told["loyal"]), at_risk=int(told["at_risk"]), first=first, is_of_today=_are_of_today(rows))


def build_left(totals: Iterable[RowDict], steps: Iterable[RowDict]) -> Left:
    """Return who left, from rows a currency, and rows a step."""
    rows, bad = list(totals), list(steps)
    return Left(
        customers=sum(int(row["customers"]) for row in rows),
        loyal=sum(int(row["loyal"]) for row in rows),
        value_minor={str(row["currency"]): int(row["value_minor"]) for row in rows},
        bad=[(*_kind_and_action(row["step"]), int(row["customers"])) for row in bad],
        other_steps=_others(bad),
        is_of_today=_are_of_today(bad),
    )


def _kind_and_action(step: object) -> tuple[str, str]:
    kind, _, action = str(step).partition(":")
    return kind, action
