"""The units of whole numbers: scores in ten-thousandths, times and durations in milliseconds."""

from __future__ import annotations

SCALE = 10_000
"""Scores (sentiment, experience) are kept as `round(score * SCALE)`, so that sums are exact in any order."""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

TIMES = range(-2_208_988_800_000, 10_413_792_000_000)
"""Epoch ms from 1900 to 2299: the range of a DateTime64."""
