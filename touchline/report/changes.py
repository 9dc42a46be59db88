"""Changes in the business: whether they helped, how customers fared around each, and what makes a verdict doubtful."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from touchline.report.estimates import RowDict

WINDOW_DAYS = 14
"""Days before and after a change that stand beside each other."""
SURE = ("better", "worse")
"""The verdicts that say something of the change; the others say that too little is seen."""


@dataclass(frozen=True)
class Change:
    """A change in the business and the verdict on it, as the view `change_effects` has them.

    Attributes:
        before, after: the mean experience of the days on either side, None where nobody felt anything.
        soured_before, soured_after: customers who turned sour in these days.
        days_seen: days after the change that the data holds, at most `WINDOW_DAYS`.
        has_trend: whether what it rests on may only have gone on as before.
        overlaps: names of the other changes that began or ended within the days compared.
    """

    name: str
    effective_at: int
    reverted_at: int | None
    verdict: str
    before: float | None
    after: float | None
    soured_before: int
    soured_after: int
    days_seen: float
    has_trend: bool
    overlaps: list[str]

    @property
    def is_sure(self) -> bool:
        """Whether the verdict says that customers fared better or worse."""
        return self.verdict in SURE


def build_changes(rows: Iterable[RowDict]) -> list[Change]:
    """Return the changes, of a row each: first those with a sure verdict, of these and of the others the newest."""
    changes = [_change(row) for row in rows]
    return sorted(changes, key=lambda one: (not one.is_sure, -one.effective_at, one.name))


def _change(row: RowDict) -> Change:
    return Change(
        name=str(row["name"]),
        effective_at=int(row["effective_at"]),
        reverted_at=int(row["reverted_at"]) if row["reverted_at"] else None,
        verdict=str(row["verdict"]),
        before=None if row["before"] is None else float(row["before"]),
        after=None if row["after"] is None else float(row["after"]),
        soured_before=int(row["soured_before"]),
        soured_after=int(row["soured_after"]),
        days_seen=float(row["days_after"]),
        has_trend=bool(int(row["has_trend"])),
        overlaps=[str(name) for name in row["overlaps"]],
    )


def doubts(change: Change) -> list[str]:
    """Return what makes the verdict on a change doubtful, in a few words each."""
    found = []
    if change.overlaps:
        found.append("another change in the same days")
    if change.is_sure and change.has_trend:
        found.append("too little history to tell it from a trend")
    if change.days_seen < WINDOW_DAYS:
        found.append(f"not all {WINDOW_DAYS} days seen")
    return found
