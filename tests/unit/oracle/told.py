"""Short stories for the oracle: lines of one customer, and the rows that it expects of them."""

from __future__ import annotations

from typing import Any

from tests.oracle import compare, histories
from tests.oracle.touchpoints import DAY, MINUTE, read

Line = dict[str, Any]
START = 20_000 * DAY
"""A midnight, and the first moment of every story."""
VIEWS = ("touchpoints", "journeys", "abandonments", "sentiment_shifts", "rolling_metrics", "customers")


class Story:
    """Lines of customer C; event ids count e01, e02, … in the order of the calls, unless one is given."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.sentiments: dict[str, float] = {}

    def _add(self, at: int, kind: str, fields: Line) -> None:
        name = f"e{len(self.lines) + 1:02}"
        common = {"kind": kind, "event_id": name, "occurred_at": START + at, "source": "s", "customer_id": "C"}
        self.lines.append({**common, **fields})

    def answer(self, at: int, response: str = "r", phase: str = "answered", **fields: object) -> None:
        """Add a line of a survey's response, `at` milliseconds after the start."""
        self._add(at, "survey_answer", {"response_id": response, "survey_id": "v", "phase": phase, **fields})

    def order(self, at: int, order: str = "o", amount: int = 1_000, **fields: object) -> None:
        """Add a statement of an order, or a refund, in euros unless said otherwise."""
        fields = {"order_id": order, "amount_minor": amount, "currency": "EUR", **fields}
        self._add(at, "purchase", fields)

    def cart(self, at: int, action: str, sku: str | None = None, value: int = 0, **fields: object) -> None:
        """Add an event of cart `c`."""
        fields = {"cart_id": "c", "action": action, "sku": sku, "value_minor": value, "currency": "EUR", **fields}
        self._add(at, "cart_event", fields)

    def call(self, *phases: tuple[int, str], resolved: bool | None = None) -> None:
        """Add phases of call `t`, each with its time; `resolved` is of the hang-ups."""
        for at, phase in phases:
            outcome = {"resolved": resolved} if phase == "ended" else {}
            self._add(at, "support_call", {"call_id": "t", "phase": phase, **outcome})

    def world(self) -> compare.World:
        """Return what the oracle makes of the lines, a year after the start."""
        return compare.World.of(read(self.lines, self.sentiments), {view: [] for view in VIEWS}, START + 365 * DAY)

    def only(self) -> histories.CustomerHistory:
        """Return the history of the one customer."""
        return self.world().people["C"]

    def customer(self) -> Line:
        """Return the row of `customers`."""
        return next(compare.customers(self.world()))

    def journey(self) -> Line:
        """Return the row of the first journey."""
        return next(compare.journeys(self.world()))

    def abandonments(self) -> list[Line]:
        """Return the rows of `abandonments`, with times since the start."""
        return [
            {
                name: value - START if name.endswith("_at") and value is not None else value
                for name, value in row.items()
            }
            for row in compare.abandonments(self.world())
        ]

    def superseded(self) -> list[str]:
        """Return the event ids of touchpoints that no longer hold."""
        return [row["event_id"] for row in compare.touchpoints(self.world()) if row["superseded"]]

    def metric(self, metric: str, dimension: str = "all", value: str = "") -> list[tuple[int, int, float | None]]:
        """Return minute since the start, n and numerator of each bucket of a minute."""
        wanted = (metric, "1m", dimension, value)
        return sorted(
            ((row["bucket"] - START) // MINUTE, row["n"], row["numerator"])
            for row in compare.rolling_metrics(self.world().observations)
            if (row["metric"], row["grain"], row["dimension"], row["dimension_value"]) == wanted
        )
