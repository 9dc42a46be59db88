"""Cases: which are open, and whether one was resolved."""

from __future__ import annotations

from schemas.log import CaseEvent
from streams.journeys.life import Life

ENDING = {"resolved", "closed"}


def on_case_event(life: Life, event: CaseEvent) -> None:
    """Apply a phase of a case."""
    if event.phase in ENDING:
        life.cases.pop(event.case_id, None)
    elif event.phase in {"opened", "reopened"}:
        life.cases.setdefault(event.case_id, event.occurred_at)
    if life.journey is not None and event.phase == "resolved":
        life.journey.resolved = True
