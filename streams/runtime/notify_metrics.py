"""The metrics of `touchline notify`, which stand with all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from prometheus_client import Counter, Gauge, Histogram

from streams.runtime.metric import Metric

AGE_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400, 259_200)
"""Seconds: a target that fails for hours is what the upper ones are for."""


@dataclass(frozen=True)
class NotifyMetrics:
    """What the deliverer of signals counts. `streams.runtime.telemetry.Telemetry` has these metrics, too."""

    notices: Annotated[
        Counter,
        Metric(
            "touchline_notify_signals_total",
            "Signals that a target is done with: delivered, duplicate, too_old, or dead_letter (it was given up).",
            ("target", "outcome"),
            only="notify",
        ),
    ]
    notify_failures: Annotated[
        Counter,
        Metric(
            "touchline_notify_failures_total",
            "Attempts to deliver that failed: refused (the signal was), status, timeout, connection or other.",
            ("target", "cause"),
            only="notify",
        ),
    ]
    notify_unread: Annotated[
        Counter,
        Metric(
            "touchline_notify_unread_total",
            "Messages of the signals' topics that could not be read: they are in the dead letters, without a target.",
            ("topic",),
            only="notify",
        ),
    ]
    notify_waiting: Annotated[
        Gauge,
        Metric(
            "touchline_notify_waiting_signals",
            "Signals that were read, and wait for a target to take them.",
            ("target",),
            only="notify",
        ),
    ]
    notify_oldest: Annotated[
        Gauge,
        Metric(
            "touchline_notify_oldest_seconds",
            "Time since the oldest signal that waits for a target was sent; 0 where none waits.",
            ("target",),
            only="notify",
        ),
    ]
    notify_age: Annotated[
        Histogram,
        Metric(
            "touchline_notify_age_seconds",
            "Time from a signal's sending to its delivery.",
            ("target",),
            buckets=AGE_BUCKETS,
            only="notify",
        ),
    ]
