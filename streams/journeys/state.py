"""What is remembered of one customer: the state that the machines of this package read and change.

Everything here is a plain value that MessagePack can carry; times are epoch ms, scores are in units of
1 / `schemas.units.SCALE`, money is in minor units.
"""

from __future__ import annotations

import msgspec

from schemas.units import DAY_MS

JOURNEY_SILENCE_MS = 30 * DAY_MS
"""A journey ends when its customer has been silent for so long."""
RECOVERY_MS = 30 * DAY_MS
"""How long after it was abandoned a thing can still be recovered."""
NEVER = 1 << 62
"""Later than any context."""


class Journey(msgspec.Struct, array_like=True, gc=False):
    """The journey that is under way.

    `path` has two characters a touchpoint (`schemas.kinds.steps`). `unresolved`: the last call that said so ended
    unresolved, or, once the journey has ended, a case was still open. `abandoned` counts what was given up for good.
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
    """Where a thing began: what its observations are counted under, and in which journey."""

    at: int
    channel: str
    attributes: dict[str, str]
    journey: int


class Loss(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a cart was when it was abandoned: an order that comes later does not make a cart a checkout."""

    subject: str
    value_minor: int
    currency: str | None


class Cart(msgspec.Struct, array_like=True, gc=False):
    """A cart. `status` is open, ordered, abandoned or recovered; `deadline` 0 means that none runs."""

    attribution: Attribution
    last_at: int
    items: int = 0
    value_minor: int = 0
    currency: str | None = None
    checkout: bool = False
    counted: bool = False
    deadline: int = 0
    status: str = "open"
    abandoned_at: int = 0
    recovered_at: int | None = None
    loss: Loss | None = None


class Call(msgspec.Struct, array_like=True, gc=False):
    """A call. Times are 0 where the phase has not been seen; `status` is open, ended, abandoned or recovered."""

    attribution: Attribution
    last_at: int
    queued_at: int = 0
    answered_at: int = 0
    held_at: int = 0
    hold_ms: int = 0
    status: str = "open"
    family: str = ""
    started_at: int = 0
    abandoned_at: int = 0
    recovered_at: int | None = None


class Survey(msgspec.Struct, array_like=True, gc=False):
    """A response to a survey. `status` is open, completed, abandoned or recovered."""

    attribution: Attribution
    last_at: int
    started_at: int = 0
    deadline: int = 0
    status: str = "open"
    abandoned_at: int = 0
    recovered_at: int | None = None


class Observation(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One experience of the series that the shift detector watches."""

    at: int
    event_id: str
    value: int
    channel: str
    attributes: dict[str, str]
    journey: int


class CustomerState(msgspec.Struct, array_like=True, gc=False):
    """One customer.

    `fired` is the latest deadline that has fired; `last_shift` the last shift's direction (-1, 0, 1); `waiting` what no
    person has answered yet, oldest first (see `responses`).
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
    series: list[Observation] = msgspec.field(default_factory=list)
    waiting: dict[str, Attribution] = msgspec.field(default_factory=dict)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CustomerState)


def encode_state(customer: CustomerState) -> bytes:
    """Return a customer as bytes; also the way to keep a copy of it."""
    return _encoder.encode(customer)


def decode_state(data: bytes) -> CustomerState:
    """Return the customer that `encode_state` wrote; no bytes mean a customer not yet begun."""
    return _decoder.decode(data) if data else CustomerState()
