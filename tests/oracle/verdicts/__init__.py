"""Whether a change in the business helped: an effect a metric, and one verdict of them all."""

from tests.oracle.verdicts.effect import Cell, Effect, counted_before, estimate_effect
from tests.oracle.verdicts.joint import Verdict, joint_verdict

__all__ = ["Cell", "Effect", "Verdict", "counted_before", "estimate_effect", "joint_verdict"]
