"""A level of significance that holds however often one looks before the window of a change ends."""

from __future__ import annotations

import math
from statistics import NormalDist

ALPHA = 0.05
"""The share of changes without effect that may ever be called better or worse, over all looks."""

_BOUND = NormalDist().inv_cdf(1 - ALPHA / 4)
"""2.2414: a Brownian motion on [0, 1] leaves [-bound, bound] with a probability of at most ALPHA."""


def level_at(share_seen: float) -> float:
    """Return the two-sided level at which a look is significant.

    This is O'Brien and Fleming's boundary ("A multiple testing procedure for clinical trials", Biometrics
    35, 1979) for looks at any moment. Let I be the information, the inverse of the variance of the
    difference. Z * sqrt(I) is a Brownian motion in I (Jennison and Turnbull, "Group Sequential Methods",
    2000, ch. 3 and 11), and by the reflection principle it ever reaches b * sqrt(I at the end) with a
    probability of at most 4 * (1 - Phi(b)). So |Z| >= b / sqrt(share of the information) keeps the level
    over all looks together. The share of the time is at most that of the information: traffic is steady
    and the observations before the change are all there at the first look. For t instead of z the level
    is kept rather than the value (Jennison and Turnbull, section 3.8).

    Args:
        share_seen: the share of the window that has passed, from 0 to 1.
    """
    if share_seen <= 0:
        return 0.0
    return math.erfc(_BOUND / math.sqrt(min(share_seen, 1.0)) / math.sqrt(2))
