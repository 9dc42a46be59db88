"""What is declared of a metric: its name, meaning and labels, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["worker", "sink"]
"""The kinds of processes."""


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
