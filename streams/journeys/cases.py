"""Cases: which are open, and whether one was resolved."""

from __future__ import annotations

from schemas.kinds.case_event import CaseEvent
from streams.journeys.state import CustomerState

ENDING = {"resolved", "closed"}


def on_case_event(customer: CustomerState, event: CaseEvent) -> None:
    """Apply a phase of a case."""
    if event.phase in ENDING:
        customer.cases.pop(event.case_id, None)
    elif event.phase in {"opened", "reopened"}:
        customer.cases.setdefault(event.case_id, event.occurred_at)
    if customer.journey is not None and event.phase == "resolved":
        customer.journey.resolved = True
