"""Changes in the business: how customers fared around each, and what its verdict rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.units import DAY_MS
from touchline.report.estimates import Estimate, RowDict, clustered_mean_estimate, design_effect
from touchline.report.verdicts import Cell, Verdict, estimate_effect, joint_verdict
from touchline.report.verdicts.design import BASELINE_DAYS, TREND_DAYS, WINDOW_DAYS
from touchline.report.verdicts.joint import LEAST_CUSTOMERS

SURVEY, OTHER = "survey scores", "other touchpoints"
"""The two metrics of a verdict: no touchpoint is in both."""
_HALF_RANGE = 1.0
"""Of experience, which lies in [-1, 1]."""


@dataclass(frozen=True)
class Period:
    """The days before or after a change: experience, NPS, and how many customers turned sour."""

    experience: Estimate | None
    nps: Estimate | None
    got_worse: int


@dataclass(frozen=True)
class Change:
    """A change in the business, and how customers fared around it.

    Attributes:
        days_seen: days after the change that the data holds, at most `WINDOW_DAYS`.
        overlaps: names of the other changes that began or ended within the days compared.
    """

    name: str
    topic: str | None
    effective_at: int
    reverted_at: int | None
    before: Period
    after: Period
    verdict: Verdict
    days_seen: float
    overlaps: Sequence[str]


@dataclass(frozen=True)
class Span:
    """The time around a change, epoch ms, ends excluded.

    Attributes:
        baseline: where the history that may be used begins.
        since: where the days before the change begin that are shown beside those after it.
        until: where the days after the change end.
        overlaps: as in `Change`.
    """

    baseline: int
    since: int
    at: int
    until: int
    overlaps: Sequence[str]


def span_of(change: RowDict, changes: Iterable[RowDict]) -> Span:
    """Return the time to compare around a change.

    Another change within it is an overlap. An earlier one ends the history: its effect is no trend.
    """
    at, around = int(change["effective_at"]), WINDOW_DAYS * DAY_MS
    since, until = at - around, min(at + around, int(change["reverted_at"] or at + around))
    others = [other for other in changes if other is not change]
    earlier = [moment for other in others for moment in _moments(other) if moment <= since]
    return Span(
        baseline=max([at - BASELINE_DAYS * DAY_MS, *earlier]),
        since=since,
        at=at,
        until=until,
        overlaps=[str(other["name"]) for other in others if any(since < each < until for each in _moments(other))],
    )


def _moments(change: RowDict) -> list[int]:
    return [int(change[name]) for name in ("effective_at", "reverted_at") if change[name]]


def build_cells(rows: Iterable[RowDict]) -> dict[str, list[Cell]]:
    """Return the metrics of a verdict, from rows of customer, day, whether of a survey, observations and total."""
    metrics: dict[str, list[Cell]] = {SURVEY: [], OTHER: []}
    for row in rows:
        cell = Cell(str(row["customer_id"]), int(row["day"]), int(row["n"]), float(row["total"]))
        metrics[SURVEY if row["survey"] else OTHER].append(cell)
    return metrics


def decide(metrics: Mapping[str, Sequence[Cell]], days_seen: float) -> Verdict:
    """Return the verdict on a change from what was observed around it."""
    effects = {name: estimate_effect(cells, _HALF_RANGE) for name, cells in metrics.items()}
    return joint_verdict(effects, days_seen / WINDOW_DAYS)


def experience_in(metrics: Mapping[str, Sequence[Cell]], first: int, last: int) -> Estimate | None:
    """Return the mean experience of the days `first` to `last`, `last` excluded, clustered by customer."""
    return clustered_mean_estimate(_by_customer(metrics.values(), first, last), _HALF_RANGE)


def survey_design_effect(metrics: Mapping[str, Sequence[Cell]], first: int, last: int) -> float:
    """Return by how much the answers of the same customers at most inflate a variance."""
    return design_effect([n for n, _ in _by_customer([metrics[SURVEY]], first, last)])


def _by_customer(metrics: Iterable[Sequence[Cell]], first: int, last: int) -> list[tuple[int, float]]:
    sums: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for cells in metrics:
        for cell in cells:
            if first <= cell.day < last:
                n, total = sums[cell.customer_id]
                sums[cell.customer_id] = (n + cell.n, total + cell.total)
    return list(sums.values())


def reasons(change: Change) -> list[str]:
    """Return what the verdict on a change rests on, a sentence each."""
    verdict = change.verdict
    sentences = [_difference(name, verdict) for name in verdict.effects]
    sentences += [_too_few(name, verdict) for name in verdict.left_out]
    if change.days_seen < WINDOW_DAYS:
        sentences.append(
            f"{change.days_seen:.1f} of the {WINDOW_DAYS} days after it are seen: "
            "the fewer, the larger a difference must be."
        )
    return sentences


def warnings(change: Change) -> list[str]:
    """Return what makes the verdict on a change doubtful, a sentence each."""
    sentences = []
    uncontrolled = [name for name, effect in change.verdict.effects.items() if "trend" not in effect.controls]
    if uncontrolled and change.verdict.answer in {"better", "worse"}:
        names = " and ".join(uncontrolled)
        sentences.append(f"Less than {TREND_DAYS} days of history: {names} may only have gone on as before the change.")
    if change.overlaps:
        sentences.append(f"Within the same days: {'; '.join(change.overlaps)}. Their effects cannot be told apart.")
    return sentences


def _difference(name: str, verdict: Verdict) -> str:
    effect = verdict.effects[name]
    low, high = verdict.interval(name)
    # An early look bounds a difference by more than there can be.
    bounds = f"{max(low, -2.0):+.2f} to {min(high, 2.0):+.2f}"
    controlled = f", without {' and '.join(effect.controls)}" if effect.controls else ""
    return (
        f"Difference in {name}{controlled}: {effect.value:+.2f} ({bounds}), "
        f"{effect.customers_before:,} customers before, {effect.customers_after:,} after."
    )


def _too_few(name: str, verdict: Verdict) -> str:
    effect = verdict.left_out[name]
    needed = f"{LEAST_CUSTOMERS} are needed on each side, none with most of the touchpoints"
    if effect is None:
        return f"Too few customers with {name} to compare: {needed}."
    return (
        f"Too few customers with {name}: {effect.customers_before:,} before and {effect.customers_after:,} after; "
        f"{needed}."
    )
