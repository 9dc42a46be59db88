"""Changes in the business: how customers fared around each, and what its verdict rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from touchline.report.estimates import Estimate, RowDict, clustered_mean_estimate, design_effect

WINDOW_DAYS = 14
"""Days before and after a change that stand beside each other."""
TREND_DAYS = 28
"""Days of history from which on a trend is taken out."""
LEAST_CUSTOMERS = 10
"""Customers that a metric needs on each side of a change."""
_METRICS = {"survey_scores": "survey scores", "other_touchpoints": "other touchpoints"}
"""What a verdict rests on: no touchpoint is in both."""
_HALF_RANGE = 1.0
"""Of experience, which lies in [-1, 1]."""


@dataclass(frozen=True)
class Period:
    """The days before or after a change: experience, NPS, and how many customers turned sour."""

    experience: Estimate | None
    nps: Estimate | None
    got_worse: int


@dataclass(frozen=True)
class Effect:
    """The difference that a change made in one metric; without a value where too few customers were observed.

    Attributes:
        value: after less before, and its interval in `low` and `high`.
        controls: what was taken out of it, any of `trend` and `weekday`.
    """

    metric: str
    value: float | None
    low: float
    high: float
    customers_before: int
    customers_after: int
    controls: Sequence[str]


@dataclass(frozen=True)
class Judged:
    """A change in the business and the verdict on it, as the view `change_effects` has them.

    Attributes:
        days_seen: days after the change that the data holds, at most `WINDOW_DAYS`.
        overlaps: names of the other changes that began or ended within the days compared.
    """

    name: str
    topic: str | None
    effective_at: int
    reverted_at: int | None
    verdict: str
    effects: Sequence[Effect]
    days_seen: float
    overlaps: Sequence[str]


@dataclass(frozen=True)
class Change:
    """A change that was judged, and how customers fared around it."""

    judged: Judged
    before: Period
    after: Period


def build_judged(rows: Iterable[RowDict]) -> list[Judged]:
    """Return the changes, of rows of change and metric, in the order of the first row of each."""
    by_change: dict[str, dict[str, RowDict]] = {}
    for row in rows:
        by_change.setdefault(str(row["change_id"]), {})[str(row["metric"])] = row
    return [_judged(metrics) for metrics in by_change.values()]


def _judged(metrics: Mapping[str, RowDict]) -> Judged:
    both = metrics["experience"]
    return Judged(
        name=str(both["name"]),
        topic=both["topic"] or None,
        effective_at=int(both["effective_at"]),
        reverted_at=int(both["reverted_at"]) if both["reverted_at"] else None,
        verdict=str(both["verdict"]),
        effects=[_effect(name, metrics[metric]) for metric, name in _METRICS.items()],
        days_seen=float(both["days_after"]),
        overlaps=[str(name) for name in both["overlaps"]],
    )


def _effect(name: str, row: RowDict) -> Effect:
    value = row["difference"]
    return Effect(
        metric=name,
        value=None if value is None else float(value),
        low=float(row["ci_low"] or 0),
        high=float(row["ci_high"] or 0),
        customers_before=int(row["customers_before"]),
        customers_after=int(row["customers_after"]),
        controls=[str(control) for control in row["controls"]],
    )


def experience_of(rows: Sequence[RowDict]) -> Estimate | None:
    """Return the mean experience, clustered by customer, from rows of customer, observations and total."""
    return clustered_mean_estimate([(int(row["n"]), float(row["total"])) for row in rows], _HALF_RANGE)


def survey_design_effect(rows: Iterable[RowDict]) -> float:
    """Return by how much the answers of the same customers at most inflate a variance."""
    return design_effect([int(row["answers"]) for row in rows if int(row["answers"])])


def reasons(change: Judged) -> list[str]:
    """Return what the verdict on a change rests on, a sentence each."""
    sentences = [_difference(effect) for effect in change.effects if effect.value is not None]
    sentences += [_too_few(effect) for effect in change.effects if effect.value is None]
    if change.days_seen < WINDOW_DAYS:
        sentences.append(
            f"{change.days_seen:.1f} of the {WINDOW_DAYS} days after it are seen: "
            "the fewer, the larger a difference must be."
        )
    return sentences


def warnings(change: Judged) -> list[str]:
    """Return what makes the verdict on a change doubtful, a sentence each."""
    sentences = []
    used = [effect for effect in change.effects if effect.value is not None]
    uncontrolled = [effect.metric for effect in used if "trend" not in effect.controls]
    if uncontrolled and change.verdict in {"better", "worse"}:
        names = " and ".join(uncontrolled)
        sentences.append(f"Less than {TREND_DAYS} days of history: {names} may only have gone on as before the change.")
    if change.overlaps:
        sentences.append(f"Within the same days: {'; '.join(change.overlaps)}. Their effects cannot be told apart.")
    return sentences


def _difference(effect: Effect) -> str:
    controlled = f", without {' and '.join(effect.controls)}" if effect.controls else ""
    return (
        f"Difference in {effect.metric}{controlled}: {effect.value:+.2f} ({effect.low:+.2f} to {effect.high:+.2f}), "
        f"{effect.customers_before:,} customers before, {effect.customers_after:,} after."
    )


def _too_few(effect: Effect) -> str:
    return (
        f"Too few customers with {effect.metric}: {effect.customers_before:,} before and {effect.customers_after:,} "
        f"after; {LEAST_CUSTOMERS} are needed on each side, none with most of the touchpoints."
    )
