"""What a customer's touchpoints and deadlines bring about: rows for the tables, and observations for the metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.rows import AbandonmentRow, JourneyRow, ShiftRow, TouchpointRow
from streams.journeys.state import Attribution


class MetricDelta(NamedTuple):
    """A change to a metric's sums; see `schemas.rows.BucketRow` for their units.

    Attributes:
        at: the moment in whose bucket it is counted, ms.
        caused_at: the moment of the touchpoint or deadline that brought it about, ms.
        add, remove: a duration (ms) that joins or leaves the metric's samples, or None.
    """

    metric: str
    at: int
    caused_at: int
    channel: str
    attributes: dict[str, str]
    currency: str | None
    n: int
    numerator: int
    denominator: int
    squares: int = 0
    add: int | None = None
    remove: int | None = None


def difference(before: list[MetricDelta], after: list[MetricDelta]) -> list[MetricDelta]:
    """Return the deltas that turn the sums and samples of `before` into those of `after`.

    Samples that leave come last: what joins and leaves again must have joined by then.
    """
    counted: dict[tuple[object, ...], tuple[MetricDelta, int]] = {}
    for sign, deltas in ((1, after), (-1, before)):
        for delta in deltas:
            key = (*delta[:4], tuple(sorted(delta.attributes.items())), *delta[5:])
            counted[key] = (delta, counted.get(key, (delta, 0))[1] + sign)
    changes: list[MetricDelta] = []
    for delta, times in counted.values():
        changes.extend([delta if times > 0 else _undone(delta)] * abs(times))
    joining = [change._replace(remove=None) for change in changes]
    leaving = [
        change._replace(n=0, numerator=0, denominator=0, squares=0, add=None)
        for change in changes
        if change.remove is not None
    ]
    return joining + leaving


def _undone(delta: MetricDelta) -> MetricDelta:
    return delta._replace(
        n=-delta.n,
        numerator=-delta.numerator,
        denominator=-delta.denominator,
        squares=-delta.squares,
        add=delta.remove,
        remove=delta.add,
    )


@dataclass(slots=True)
class Effects:
    """Collects what happened to one customer; rows carry version 0 until they are sent.

    A row that changes twice stands here once, as it was last. `now` is the moment of the touchpoint or deadline that is
    being applied, ms.
    """

    customer_id: str
    now: int = 0
    touchpoints: dict[str, TouchpointRow] = field(default_factory=dict)
    journeys: dict[str, JourneyRow] = field(default_factory=dict)
    abandonments: dict[tuple[str, str], AbandonmentRow] = field(default_factory=dict)
    shifts: dict[str, ShiftRow] = field(default_factory=dict)
    deltas: list[MetricDelta] = field(default_factory=list)
    deadlines: int = 0

    def journey_id(self, number: int) -> str:
        """Return the id of this customer's journey of that number, counted from 1."""
        return f"{self.customer_id}#{number}"

    def measure(  # noqa: PLR0913 - a sum has as many parts, all but three of them named
        self,
        metric: str,
        attribution: Attribution,
        n: int,
        numerator: int,
        *,
        squares: int = 0,
        currency: str | None = None,
        add: int | None = None,
        remove: int | None = None,
    ) -> None:
        """Change a metric's sums in the bucket of `attribution`; the denominator goes with `n`."""
        self.deltas.append(
            MetricDelta(
                metric,
                attribution.at,
                self.now,
                attribution.channel,
                attribution.attributes,
                currency,
                n,
                numerator,
                n,
                squares,
                add,
                remove,
            )
        )
