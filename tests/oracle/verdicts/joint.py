"""One verdict of the effects that a change had on several metrics."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tests.oracle.verdicts.effect import Effect
from tests.oracle.verdicts.looks import level_at
from tests.oracle.verdicts.student import critical_value, two_sided_p

Answer = Literal["better", "worse", "no difference seen", "too few to tell"]

LEAST_CUSTOMERS = 10
"""Customers that a metric needs on each side of a change."""
LEAST_EFFECTIVE = 5.0
"""Equally active customers (Kish's effective number) that it needs on each side."""


@dataclass(frozen=True)
class Verdict:
    """Whether a change helped.

    Attributes:
        answer: the verdict in words.
        p: two-sided, for this look alone; None where there is too little to tell.
        level: what `p` has to stay below at this look.
        effects: the effects that it rests on, a metric each.
        left_out: metrics with fewer customers than are needed.
    """

    answer: Answer
    p: float | None
    level: float
    effects: Mapping[str, Effect]
    left_out: Mapping[str, Effect | None]

    def interval(self, metric: str) -> tuple[float, float]:
        """Return the interval of a metric's effect that holds over all looks together.

        Raises:
            KeyError: the verdict does not rest on the metric.
        """
        effect = self.effects[metric]
        if self.level <= 0:
            return -math.inf, math.inf
        half = critical_value(self.level, effect.freedom) * effect.error
        return effect.value - half, effect.value + half


def joint_verdict(effects: Mapping[str, Effect | None], share_seen: float) -> Verdict:
    """Return the verdict of all metrics together.

    The statistic is the sum of the standardised effects over its own clustered error, as in O'Brien's
    ordinary least squares test ("Procedures for comparing samples with multiple endpoints", Biometrics 40,
    1984). The error holds the correlation of metrics through customers who are in several. Two choices err
    towards "no difference seen": a negative correlation counts as none, and the degrees of freedom are the
    fewest of any metric. Metrics that contradict each other cancel out.

    Args:
        effects: metric to its effect, a greater value being better.
        share_seen: the share of the days after the change that has passed, from 0 to 1.
    """
    usable = {name: effect for name, effect in effects.items() if effect is not None and _is_enough(effect)}
    left_out = {name: effect for name, effect in effects.items() if name not in usable}
    level = level_at(share_seen)
    if not usable:
        return Verdict("too few to tell", None, level, usable, left_out)
    total = sum(effect.value / effect.error for effect in usable.values())
    statistic = total / math.sqrt(max(_joint_variance(usable), float(len(usable))))
    p = two_sided_p(statistic, min(effect.freedom for effect in usable.values()))
    answer: Answer = "no difference seen"
    if p < level:
        answer = "better" if statistic > 0 else "worse"
    return Verdict(answer, p, level, usable, left_out)


def _is_enough(effect: Effect) -> bool:
    customers = min(effect.customers_before, effect.customers_after)
    return customers >= LEAST_CUSTOMERS and min(effect.effective_before, effect.effective_after) >= LEAST_EFFECTIVE


def _joint_variance(effects: Mapping[str, Effect]) -> float:
    joint: dict[str, float] = defaultdict(float)
    for effect in effects.values():
        for customer, influence in effect.influence.items():
            joint[customer] += influence
    return sum(each * each for each in joint.values())
