"""What is remembered of one customer: the state that the machines of this package read and change.

All of it is plain values that MessagePack can carry. Times are epoch milliseconds, scores whole ten-thousandths
(`schemas.units.SCALE`), money minor units. A new field has a default and stands at the end, so that stored states can
still be read.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.units import DAY_MS

JOURNEY_SILENCE_MS = 30 * DAY_MS
"""A journey ends when its customer has been silent for so long."""
RECOVERY_MS = 30 * DAY_MS
"""How long after it was abandoned a thing can still be recovered."""
NEVER = 1 << 62
"""Later than any time."""

CartStatus = Literal["open", "ordered", "abandoned", "recovered"]
CallStatus = Literal["open", "ended", "abandoned", "recovered"]
SurveyStatus = Literal["open", "completed", "abandoned", "recovered"]
CallFamily = Literal["", "call", "hold"]
CartSubject = Literal["cart", "checkout"]


class Journey(msgspec.Struct, array_like=True, gc=False):
    """The journey that is under way.

    Attributes:
        path: one code for each touchpoint: its kind and its action.
        resolved: a call ended resolved, or a case was resolved.
        unresolved: the last call that said so ended unresolved, or a case was still open when the journey ended.
        abandoned: how many things were abandoned in it and not recovered in it.
    """

    number: int
    started_at: int
    last_touch_at: int
    touchpoints: int = 0
    channels: list[str] = msgspec.field(default_factory=list)
    path: str = ""
    purchases: int = 0
    revenue_minor: int = 0
    currency: str = ""
    experience_first: int | None = None
    experience_last: int | None = None
    experience_sum: int = 0
    experience_n: int = 0
    resolved: bool = False
    unresolved: bool = False
    abandoned: int = 0


class Attribution(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where a thing began: the time, channel and attributes that its metrics are counted under, and its journey."""

    at: int
    channel: str
    attributes: dict[str, str]
    journey: int


class AbandonedCart(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a cart was when it was abandoned: an order that comes later does not make a cart a checkout."""

    subject: CartSubject
    value_minor: int
    currency: str | None


class Cart(msgspec.Struct, array_like=True, gc=False):
    """A cart.

    Attributes:
        counted: whether it has held an item, and so is in the metric.
        deadline: when it is abandoned, ms; 0 while no deadline runs.
    """

    attribution: Attribution
    last_at: int
    items: int = 0
    value_minor: int = 0
    currency: str | None = None
    checkout: bool = False
    counted: bool = False
    deadline: int = 0
    status: CartStatus = "open"
    abandoned_at: int = 0
    recovered_at: int | None = None
    abandoned_as: AbandonedCart | None = None


class Call(msgspec.Struct, array_like=True, gc=False):
    """A call. The time of a phase that was not seen is 0."""

    attribution: Attribution
    last_at: int
    queued_at: int = 0
    answered_at: int = 0
    held_at: int = 0
    hold_ms: int = 0
    status: CallStatus = "open"
    family: CallFamily = ""
    started_at: int = 0
    abandoned_at: int = 0
    recovered_at: int | None = None


class Survey(msgspec.Struct, array_like=True, gc=False):
    """A response to a survey. `deadline` is 0 while none runs."""

    attribution: Attribution
    last_at: int
    started_at: int = 0
    deadline: int = 0
    status: SurveyStatus = "open"
    abandoned_at: int = 0
    recovered_at: int | None = None


class Observation(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One experience of the series that the shift detector watches."""

    attribution: Attribution
    event_id: str
    value: int


class CustomerState(msgspec.Struct, array_like=True, gc=False):
    """One customer at one moment of event time.

    Attributes:
        journeys: how many journeys there were, with the one under way.
        last_shift: direction of the last sentiment shift: -1 worse, 1 better, 0 none yet.
        last_timer_at: the latest time at which a timer has fired, ms.
        cases: open cases, each with the time of its opening.
        observations: the experiences that the shift detector still weighs, oldest first.
        unanswered: what no person of the business has answered yet, oldest first (see `responses`).
    """

    journey: Journey | None = None
    journeys: int = 0
    first_seen_at: int = 0
    last_seen_at: int = 0
    touchpoints: int = 0
    purchases: int = 0
    spend_minor: int = 0
    refunded_minor: int = 0
    currency: str = ""
    experience_sum: int = 0
    experience_n: int = 0
    last_nps: int | None = None
    last_shift: int = 0
    last_timer_at: int = 0
    carts: dict[str, Cart] = msgspec.field(default_factory=dict)
    calls: dict[str, Call] = msgspec.field(default_factory=dict)
    surveys: dict[str, Survey] = msgspec.field(default_factory=dict)
    cases: dict[str, int] = msgspec.field(default_factory=dict)
    observations: list[Observation] = msgspec.field(default_factory=list)
    unanswered: dict[str, Attribution] = msgspec.field(default_factory=dict)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CustomerState)


def encode_state(state: CustomerState) -> bytes:
    """Return a state as bytes; also the way to keep a copy of it."""
    return _encoder.encode(state)


def decode_state(data: bytes) -> CustomerState:
    """Return the state that `encode_state` wrote; no bytes mean a customer who is not yet known."""
    return _decoder.decode(data) if data else CustomerState()
