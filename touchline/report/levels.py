"""Which figures are not as they usually are, and since when: built of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.units import DAY_MS
from touchline.report.estimates import RowDict


@dataclass(frozen=True)
class Odd:
    """A metric that is, or lately was, better or worse than usual.

    Attributes:
        currency: of sums of money, "" for all other metrics.
        ended_at: None while it goes on.
        usual, value: means of what was expected of its days, and of what they brought; None where no day has any.
        days: the value of each of the last days, in order, None for one without observations.
    """

    metric: str
    currency: str
    level: str
    since: int
    ended_at: int | None
    usual: float | None
    value: float | None
    days: list[float | None]


@dataclass(frozen=True)
class Levels:
    """The metrics that are not as usual, how many are, and of how many too little is known."""

    odd: list[Odd]
    as_usual: int
    unknown: int


def build_levels(anomalies: Iterable[RowDict], counts: Iterable[RowDict]) -> Levels:
    """Return the levels, of the anomalies in their order, and how many metrics there are, and how many unknown ones."""
    odd = [_odd(row) for row in anomalies]
    row = next(iter(counts), {"metrics": 0, "unknown": 0})
    unknown = int(row["unknown"])
    # Not by the level of their last day: what was found later about it was not known then.
    going_on = {(one.metric, one.currency) for one in odd if one.ended_at is None}
    return Levels(odd, as_usual=int(row["metrics"]) - unknown - len(going_on), unknown=unknown)


def _odd(row: RowDict) -> Odd:
    since, ended_at = int(row["since"]), None if row["ended_at"] is None else int(row["ended_at"])
    days = [(int(day), value, usual) for day, value, usual in row["days"]]
    within = [one for one in days if one[0] + DAY_MS > since and (ended_at is None or one[0] < ended_at)]
    return Odd(
        metric=str(row["metric"]),
        currency=str(row["currency"]),
        level=str(row["level"]),
        since=since,
        ended_at=ended_at,
        usual=_mean([usual for _, _, usual in within]),
        value=_mean([value for _, value, _ in within]),
        days=[value for _, value, _ in days],
    )


def _mean(values: Sequence[Any]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if known else None
