"""Whether a change in the business helped: an effect a metric, and one verdict of them all."""

from touchline.report.verdicts.effect import Cell, Effect, estimate_effect
from touchline.report.verdicts.joint import Verdict, joint_verdict

__all__ = ["Cell", "Effect", "Verdict", "estimate_effect", "joint_verdict"]
