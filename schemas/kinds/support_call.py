"""The kind `support_call`: a phase of a call."""

from __future__ import annotations

from operator import itemgetter
from typing import ClassVar

from schemas.kinds.checks import filled
from schemas.kinds.kind import Subject, Text, TouchpointKind, in_order
from schemas.kinds.names import KindName
from schemas.kinds.touchpoint import Touchpoint, tag_of


class SupportCall(Touchpoint, tag=tag_of("support_call"), kw_only=True, frozen=True):
    """A phase of a call; `text` holds the agent's notes."""

    kind: ClassVar[KindName] = "support_call"

    call_id: str
    phase: str
    agent_id: str | None = None
    topic: str | None = None
    case_id: str | None = None
    resolved: bool | None = None
    solutions_offered: int | None = None

    @property
    def action(self) -> str:
        """The phase."""
        return self.phase

    @property
    def subject_id(self) -> str:
        """The call's id."""
        return self.call_id

    @property
    def may_turn(self) -> bool:
        """What agents do in a call, and its end."""
        return self.phase not in {"queued", "resumed"}


KIND = TouchpointKind(
    name="support_call",
    record="SupportCall",
    topic="touchpoints.support_calls.v1",
    checks=(filled("call_id"),),
    struct=SupportCall,
    code="c",
    channel="phone",
    actions=in_order(
        {"queued": "q", "answered": "a", "held": "h", "resumed": "r", "transferred": "t", "ended": "e"},
    ),
    subjects=(Subject("call", "call_id"), Subject("case", "case_id")),
    columns={"call_id": "subject_id", "phase": "action"},
    speaks_of=itemgetter("topic"),
    # Notes are the agent's words: kept, but no sign of the customer's sentiment.
    text=Text("notes", by_customer=lambda _: False),
    # Outcomes that `streams.journeys.calls` finds at a call's end.
    experience={
        "abandoned in the queue": -6_000,
        "abandoned on hold": -8_000,
        "ended, resolved": 5_000,
        "ended, not resolved": -5_000,
    },
)
