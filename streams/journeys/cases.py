"""Cases: which are open, and whether one was resolved."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.kinds.case_event import CaseEvent
from schemas.kinds.touchpoint import Touchpoint
from streams.journeys.effects import Effects
from streams.journeys.machine import Handler, Machine, drop_oldest
from streams.journeys.state import Attribution, CustomerState

ENDING = frozenset({"resolved", "closed"})


class Cases(Machine):
    """The machine of cases."""

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want the phases of cases."""
        return {CaseEvent: self.on_case_event}

    def on_case_event(
        self, customer: CustomerState, event: CaseEvent, _attribution: Attribution, _effects: Effects
    ) -> None:
        """Apply a phase of a case."""
        if event.phase in ENDING:
            customer.cases.pop(event.case_id, None)
        elif event.phase in {"opened", "reopened"}:
            customer.cases.setdefault(event.case_id, event.occurred_at)
        if customer.journey is not None and event.phase == "resolved":
            customer.journey.resolved = True

    def forget(self, customer: CustomerState, _now: int) -> int:
        """Keep the newest cases."""
        return drop_oldest(customer.cases) if customer.cases else 0

    def kept(self, customer: CustomerState) -> dict[str, int]:
        """Return the open cases."""
        return customer.cases
