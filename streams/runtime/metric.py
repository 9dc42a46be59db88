"""What is declared of a metric: its name, meaning and labels, and who serves it; and how it is made of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Seconds. A chunk is milliseconds of work and must stay far below the session timeout; an insert
# may have to wait for merges.
CHUNK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
INSERT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
RESTORE_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
ACKNOWLEDGEMENT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

Role = Literal["worker", "sink", "collect", "notify"]
"""The kinds of processes."""


INPUTS = "<inputs>"
"""Stands among a metric's known values for each of the input topics, which a setting names."""


@dataclass(frozen=True)
class Metric:
    """A metric's declaration.

    Attributes:
        name: as Prometheus shows it; a counter's ends in `_total`.
        meaning: one sentence for the person who reads a graph of it.
        labels: the names of its labels, in order.
        known: values of its label, or of all its labels, that are known beforehand, of each role. Their series
            start at 0, so that a first increase is seen as one.
        buckets: upper bounds of a histogram's buckets, seconds.
        only: the role whose processes serve it; None if all do.
    """

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    known: Mapping[Role, tuple[str | tuple[str, ...], ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    only: Role | None = None


def register(
    kind: type[Counter | Gauge | Histogram],
    metric: Metric,
    registry: CollectorRegistry,
    role: Role | None,
    inputs: Sequence[str],
) -> Counter | Gauge | Histogram:
    """Make a metric, on a registry if a process of the role serves it; None stands for all roles."""
    extra: dict[str, Any] = {"buckets": metric.buckets} if kind is Histogram else {}
    place = registry if role is None or metric.only in (None, role) else None
    registered = kind(metric.name, metric.meaning, metric.labels, registry=place, **extra)
    for known_to, values in metric.known.items():
        if role in (None, known_to):
            for value in values:
                labels = (value,) if isinstance(value, str) else value
                for each in product(*(inputs if label == INPUTS else (label,) for label in labels)):
                    registered.labels(*each)
    return registered
