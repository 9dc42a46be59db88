"""What changes in the business did, worked out from each customer's experiences; the regression is in `verdicts`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, fmean
from typing import Any

from tests.oracle.compare import Row, World
from tests.oracle.touchpoints import DAY, Touch
from tests.oracle.verdicts import Cell, Effect, counted_before, estimate_effect, joint_verdict

METRICS = ("survey_scores", "other_touchpoints")
EFFECT_KEY = ("change_id", "dimension", "dimension_value", "metric")
WINDOW = 14
FEWEST = 10
POWER = NormalDist().inv_cdf(0.95)


@dataclass
class Seen:
    """What was observed around a change, by metric; and who was."""

    cells: dict[str, list[Cell]] = field(default_factory=lambda: {metric: [] for metric in METRICS})

    def customers(self) -> set[str]:
        return {cell.customer_id for cells in self.cells.values() for cell in cells}


@dataclass(frozen=True)
class Span:
    """A change, and the time that it is compared over; ms."""

    change: Row
    begins: int
    at: int
    until: int
    overlaps: list[str]

    def days_after(self, reached: int) -> float:
        return max(0, min(self.until, reached) - self.at) / DAY


def spans(changes: Sequence[Row]) -> Iterator[Span]:
    """Yield each change with its time: another one more than 14 days before it ends the history."""
    for change in changes:
        at, around = change["effective_at"], WINDOW * DAY
        until = min(at + around, change.get("reverted_at") or at + around)
        others = [
            (other[name], other["name"])
            for other in changes
            for name in ("effective_at", "reverted_at")
            if other is not change and other.get(name)
        ]
        within = sorted({other for other in others if at - around < other[0] < until})
        yield Span(
            change=change,
            begins=max([at - 56 * DAY, *(moment for moment, _ in others if moment <= at - around)]),
            at=at,
            until=until,
            overlaps=list(dict.fromkeys(name for _, name in within)),
        )


def change_effects(world: World, changes: Sequence[Row], attributes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give the expected rows of the view, of changes as their lines state them, with times in ms."""
    reached = min(world.clock, max(touch.at for history in world.people.values() for touch in history.touches))
    for span in spans(changes):
        seen: dict[tuple[str, str], Seen] = defaultdict(Seen)
        seen["all", ""] = Seen()
        for history in world.people.values():
            superseded = history.superseded
            for touch in history.touches:
                felt = history.experiences.get(touch.event_id)
                if felt is None or touch.event_id in superseded or not span.begins <= touch.at < span.until:
                    continue
                customer = world.owners[touch.stored_key, touch.at]
                cell = Cell(customer, (touch.at - span.at) // DAY, 1, felt)
                for place in _dimensions(touch, attributes):
                    seen[place].cells[METRICS[touch.kind != "survey_answer"]].append(cell)
        yield from _rows(span, seen, span.days_after(reached))


def _dimensions(touch: Touch, attributes: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield "all", ""
    yield "channel", touch.channel
    if touch.kind in ("support_call", "case_event") and touch.record.get("topic"):
        yield "topic", touch.record["topic"]
    for name in attributes:
        if name in touch.attributes:
            yield name, touch.attributes[name]


def _rows(span: Span, seen: Mapping[tuple[str, str], Seen], days_after: float) -> Iterator[dict[str, Any]]:
    told = {
        place: {metric: estimate_effect(cells, 1.0) for metric, cells in of_place.cells.items()}
        for place, of_place in seen.items()
        if place[0] == "all" or len(of_place.customers()) >= FEWEST
    }
    usable = {place: dict(joint_verdict(effects, 1.0).effects) for place, effects in told.items()}
    for place, effects in usable.items():
        tested = sum(bool(other) for (dimension, _), other in usable.items() if dimension == place[0])
        bound = _bound(tested)
        bound = bound / min(1, days_after / WINDOW) ** 0.5 if days_after else math.inf
        of_change = {
            "change_id": span.change["change_id"], "dimension": place[0], "dimension_value": place[1],
            "days_after": days_after, "overlaps": span.overlaps,
        }  # fmt: skip
        for metric in METRICS:
            figures = _figures(effects.get(metric), bound)
            yield {**of_change, "metric": metric, **_means(seen[place], [metric]), **figures, "verdict": None}
        joint = _joint(effects)
        figures = _figures(joint, bound)
        yield {
            **of_change, "metric": "experience", **_means(seen[place], METRICS), **figures,
            "verdict": _answer(joint, bound),
        }  # fmt: skip


def judge(cells: Mapping[str, Sequence[Cell]], tested: int) -> tuple[str, float | None]:
    """Return the verdict on the last day, and the difference that it is sure to see.

    Args:
        cells: what was observed, by metric.
        tested: how many values of the dimension have enough to tell.
    """
    effects = {metric: estimate_effect(of_metric, 1.0) for metric, of_metric in cells.items()}
    joint = _joint(joint_verdict(effects, 1.0).effects)
    bound = _bound(tested)
    return _answer(joint, bound), _figures(joint, bound)["detectable"]


def _bound(tested: int) -> float:
    return NormalDist().inv_cdf(1 - 0.05 / 4 / max(tested, 1))


def _means(seen: Seen, metrics: Sequence[str]) -> dict[str, float | None]:
    """Return the mean of the fortnights before and after the change, the customers that count, and the days before."""
    cells = [cell for metric in metrics for cell in seen.cells[metric]]
    before = [cell for metric in metrics for cell in counted_before(seen.cells[metric])]
    sides = {
        "before": [cell.total for cell in cells if -WINDOW <= cell.day < 0],
        "after": [cell.total for cell in cells if cell.day >= 0],
    }
    return {
        **{name: fmean(values) if values else None for name, values in sides.items()},
        "days_before": max((-cell.day for cell in before), default=0),
        "customers_before": len({cell.customer_id for cell in before}),
        "customers_after": len({cell.customer_id for cell in cells if cell.day >= 0}),
    }


def _joint(effects: Mapping[str, Effect]) -> Effect | None:
    """Return the mean of the effects, weighted by the inverse of their errors."""
    if not effects:
        return None
    weight = sum(1 / effect.error for effect in effects.values())
    parts: dict[str, float] = defaultdict(float)
    for effect in effects.values():
        for customer, part in effect.influence.items():
            parts[customer] += part
    variance = max(sum(part * part for part in parts.values()), len(effects))
    first, *others = effects.values()
    return Effect(
        value=sum(effect.value / effect.error for effect in effects.values()) / weight,
        error=math.sqrt(variance) / weight,
        freedom=min(effect.freedom for effect in effects.values()),
        customers_before=0,
        customers_after=0,
        effective_before=0,
        effective_after=0,
        influence={},
        controls=tuple(name for name in first.controls if all(name in other.controls for other in others)),
    )


def deviate(t: float, freedom: float) -> float:
    """Return the normal deviate of a value of Student's t, as Wallace approximates it."""
    return (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t * t / freedom))


def student(z: float, freedom: float) -> float:
    """Return the t of a normal deviate: the inverse of the above."""
    exponent = (z * (8 * freedom + 3) / (8 * freedom + 1)) ** 2 / freedom
    return math.sqrt(freedom * math.expm1(exponent)) if exponent < 700 else math.inf


def _figures(effect: Effect | None, bound: float) -> dict[str, Any]:
    if effect is None:
        return {
            **dict.fromkeys(("difference", "ci_low", "ci_high", "detectable", "p")), "controls": [],
        }  # fmt: skip
    half = min(2, student(bound, effect.freedom) * effect.error)
    return {
        "difference": effect.value,
        "ci_low": max(-2, effect.value - half),
        "ci_high": min(2, effect.value + half),
        "detectable": min(2, student(bound + POWER, effect.freedom) * effect.error),
        "p": math.erfc(deviate(effect.value / effect.error, effect.freedom) / math.sqrt(2)),
        "controls": list(effect.controls),
    }


def _answer(effect: Effect | None, bound: float) -> str:
    if effect is None:
        return "too few to tell"
    if deviate(effect.value / effect.error, effect.freedom) < bound:
        return "no difference seen"
    return "better" if effect.value > 0 else "worse"
