"""The kind `case_event`: a phase of a case (e-mail, chat, ticket, complaint)."""

from __future__ import annotations

from typing import ClassVar

from schemas.kinds.checks import filled, planned
from schemas.kinds.kind import Subject, Text, TouchpointKind, customer_is, in_order
from schemas.kinds.names import KindName
from schemas.kinds.touchpoint import Touchpoint, tag_of

_COMPLAINT = "opened as a complaint"


class CaseEvent(Touchpoint, tag=tag_of("case_event"), kw_only=True, frozen=True):
    """A phase of a case; `eta_at` is the promised time, ms."""

    kind: ClassVar[KindName] = "case_event"

    case_id: str
    phase: str
    by: str
    topic: str | None = None
    owner: str | None = None
    eta_at: int | None = None
    complaint: bool = False

    @property
    def action(self) -> str:
        """The phase."""
        return self.phase

    @property
    def subject_id(self) -> str:
        """The case's id."""
        return self.case_id

    @property
    def may_turn(self) -> bool:
        """What the business does in a case, other than to say that it has it."""
        return self.by != "customer" and self.phase != "acknowledged"

    @property
    def experience_key(self) -> str:
        """The phase, unless the case is opened as a complaint."""
        return _COMPLAINT if self.complaint and self.phase == "opened" else self.phase


KIND = TouchpointKind(
    name="case_event",
    record="CaseEvent",
    topic="touchpoints.case_events.v1",
    checks=(filled("case_id"), planned("eta_at")),
    struct=CaseEvent,
    code="e",
    channel="email",
    actions=in_order(
        {
            "opened": "o",
            "acknowledged": "a",
            "updated": "u",
            "solution_offered": "s",
            "eta_given": "t",
            "escalated": "e",
            "resolved": "r",
            "reopened": "p",
            "closed": "c",
        }
    ),
    subjects=(Subject("case", "case_id"),),
    columns={"case_id": "subject_id", "phase": "action"},
    speaks_of=lambda record: record["topic"] if record["by"] == "customer" else None,
    text=Text("text", by_customer=customer_is("by")),
    experience={_COMPLAINT: -7_000, "escalated": -6_000, "reopened": -6_000, "resolved": 5_000},
)
