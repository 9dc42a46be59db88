"""Targets of service: the share that a metric should reach, by default or as `TOUCHLINE_TARGETS` says."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.named_values import SHOWN, named_values
from schemas.text import shortened

DEFAULT_TARGETS: Mapping[str, float] = {"answered_in_24h": 0.9, "service_level": 0.8, "follow_ups_in_time": 0.9}
"""By metric. Nine in ten hear from a person within a day; four callers in five wait for at most 20 s;
nine in ten follow-ups are in time."""

METRICS_WITH_TARGETS = (
    "answered_in_24h",
    "service_level",
    "follow_ups_in_time",
    "follow_ups_settled",
    "promises_kept",
    "first_contact_resolution",
    "csat",
    "ces",
)
"""The shares of which more is better."""


def read_targets(text: str) -> dict[str, float]:
    """Return the targets by metric: the defaults, but for what a text says.

    Args:
        text: a comma list of `metric=share`; the share is a number up to 1, or empty for no target.

    Raises:
        ValueError: the text does not hold; the message says which target, and how to write it.
    """
    said: dict[str, float | None] = {}
    for metric, share in named_values(
        text,
        METRICS_WITH_TARGETS,
        bare="is no target: write answered_in_24h=0.95",
        unknown="has no target",
        twice="has two targets",
    ):
        said[metric] = _share(metric, share) if share else None
    return {metric: share for metric, share in {**DEFAULT_TARGETS, **said}.items() if share is not None}


def _share(metric: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ValueError(f"{metric}: {shortened(text, SHOWN)!r} is no share: write a number above 0, up to 1, as 0.95")
    return share
