"""What is remembered of one customer: the state that the machines of this package read and change.

All of it is plain values that MessagePack can carry. Times are epoch milliseconds, scores whole ten-thousandths
(`schemas.units.SCALE`), money minor units. A new field has a default and stands at the end, so that stored states can
still be read.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.units import DAY_MS
from streams.journeys.acts import Act

JOURNEY_SILENCE_MS = 30 * DAY_MS
"""A journey ends when its customer has been silent for so long."""
RECOVERY_MS = 30 * DAY_MS
"""How long after it was abandoned a thing can still be recovered."""
STATE_MAX_BYTES = 512 << 10
"""What a customer's state takes at most, encoded: it is trimmed beyond that (see `bounds`)."""
NEVER = 1 << 62
"""Later than any time."""

CartStatus = Literal["open", "ordered", "abandoned", "recovered"]
CallStatus = Literal["open", "ended", "abandoned", "recovered"]
SurveyStatus = Literal["open", "completed", "abandoned", "recovered"]
CallFamily = Literal["", "call", "hold"]
CartSubject = Literal["cart", "checkout"]


class Experienced(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An experience of a journey, units of 1 / SCALE; None while an answer has none.

    Attributes:
        answer: the response and question that it answers and that may be answered anew, "" for all other experiences.
    """

    answer: str
    value: int | None


class Journey(msgspec.Struct, array_like=True, gc=False):
    """The journey that is under way.

    Attributes:
        path: one code for each touchpoint: its kind and its action.
        revenue: of the orders placed in it, minor units by currency.
        currency, currency_of: the currency and the id of the first order placed in it, "" before one.
        resolved: a call ended resolved, or a case was resolved.
        unresolved: the last call that said so ended unresolved, or a case was still open when the journey ended.
        abandoned: how many things were abandoned in it and not recovered in it.
        first_experiences: the first that is no answer, and the answers before it: the first of them that has a value
            is the journey's first experience, whatever answers are corrected.
        last_experiences: the last that is no answer, and the answers after it.
    """

    number: int
    started_at: int
    last_touch_at: int
    touchpoints: int = 0
    channels: list[str] = msgspec.field(default_factory=list)
    path: str = ""
    purchases: int = 0
    revenue: dict[str, int] = msgspec.field(default_factory=dict)
    currency: str = ""
    currency_of: str = ""
    first_experiences: list[Experienced] = msgspec.field(default_factory=list)
    last_experiences: list[Experienced] = msgspec.field(default_factory=list)
    experience_sum: int = 0
    experience_n: int = 0
    resolved: bool = False
    unresolved: bool = False
    abandoned: int = 0


class Attribution(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where a thing began: the time, channel and attributes that its metrics are counted under, and its journey.

    Attributes:
        journey: its number; of a journey of the profile that the thing came from, its id.
        stated_key: whom its touchpoint stated, where that is not the customer in whose journeys it is.
    """

    at: int
    channel: str
    attributes: dict[str, str]
    journey: int | str
    stated_key: str | None = None

    @property
    def profile(self) -> str | None:
        """The profile that the thing came from; None where it is the customer's own."""
        return None if isinstance(self.journey, int) else self.journey.rpartition("#")[0]


RecoveredBy = Literal["cart_id", "skus", "order", "completion"]
"""What recovered an abandoned thing: an order that names the cart, that holds all its skus, any other, a completion."""


class AbandonedCart(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a cart was when it was abandoned: an order that comes later does not make a cart a checkout."""

    subject: CartSubject
    value_minor: int
    currency: str | None


class CartStep(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An event of a cart, kept for the case that an order of its customer is corrected.

    Attributes:
        attribution: None where it is that of its cart but for the time.
    """

    occurred_at: int
    action: str
    sku: str | None
    quantity: int
    value_minor: int
    currency: str | None
    attribution: Attribution | None


class Cart(msgspec.Struct, array_like=True, gc=False):
    """A cart.

    Attributes:
        skus: the quantity of each sku in it; what events without a sku speak of is the sku "".
        counted: whether it has held something, and so is in the metric.
        unlisted: whether its last value above zero was stated while no sku was known to be in it.
        cart_id: as the source sent it; a cart whose id was used again is kept under another key.
        deadline: when it is abandoned, ms; 0 while no deadline runs.
        steps: its events, oldest first.
        is_settled: whether it stays as it is when an order is corrected, as too many events of it were to be kept.
        corrected_at: when an order was last corrected that may have been its own, 0 for never.
    """

    attribution: Attribution
    cart_id: str
    last_at: int
    skus: dict[str, int] = msgspec.field(default_factory=dict)
    value_minor: int = 0
    currency: str | None = None
    checkout: bool = False
    counted: bool = False
    deadline: int = 0
    status: CartStatus = "open"
    abandoned_at: int = 0
    recovered_at: int | None = None
    recovered_by: RecoveredBy | None = None
    abandoned_as: AbandonedCart | None = None
    unlisted: bool = False
    steps: list[CartStep] = msgspec.field(default_factory=list)
    is_settled: bool = False
    corrected_at: int = 0


class Call(msgspec.Struct, array_like=True, gc=False):
    """A call. The time of a phase that was not seen is 0.

    Attributes:
        call_id: as the source sent it; a call whose id was used again is kept under another key.
        began_at: its first phase.
        queued_at: when its first wait began.
        waiting_at: when the wait that is under way began, 0 without one.
        requeued_at: when it was queued once more while it was waiting.
        answered_at: when its first wait ended with an answer.
        talked: whether anybody has answered it, with or without a wait before.
        corrected_at: as of a cart.
        started_at: of an abandoned call, when the wait or the hold began.
    """

    attribution: Attribution
    call_id: str
    began_at: int
    last_at: int
    queued_at: int = 0
    waiting_at: int = 0
    requeued_at: int = 0
    answered_at: int = 0
    talked: bool = False
    held_at: int = 0
    hold_ms: int = 0
    status: CallStatus = "open"
    family: CallFamily = ""
    started_at: int = 0
    abandoned_at: int = 0
    recovered_at: int | None = None
    recovered_by: RecoveredBy | None = None
    corrected_at: int = 0


class Answer(msgspec.Struct, array_like=True, gc=False):
    """A question of a response, as the statement that holds answers it.

    Attributes:
        attribution: of the first statement: where the answer counts.
        stated: time and event id of the statement that holds; a greater one takes its place.
        question_kind: what the question measures, "" where the source does not say.
        metric_value: what it adds to its metric's numerator, None where it is in none.
        experience, sentiment: units of 1 / SCALE, None where it has none.
        scored: whether it has a score.
        follow_up_id: of the follow-up of which it is a cause, "" for none.
    """

    attribution: Attribution
    stated: tuple[int, str]
    question_kind: str
    metric_value: int | None
    experience: int | None
    sentiment: int | None
    scored: bool
    follow_up_id: str = ""


class Survey(msgspec.Struct, array_like=True, gc=False):
    """A response to a survey.

    Attributes:
        deadline: when it is abandoned, ms; 0 while no deadline runs.
        answers: the answered questions.
        observation: the event id of its observation for the shift detector, "" before one.
        response_id: as the source sent it, where it is kept under another key.
    """

    attribution: Attribution
    last_at: int
    started_at: int = 0
    deadline: int = 0
    status: SurveyStatus = "open"
    abandoned_at: int = 0
    recovered_at: int | None = None
    recovered_by: RecoveredBy | None = None
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    observation: str = ""
    response_id: str = ""


class Order(msgspec.Struct, array_like=True, gc=False):
    """An order, as the statement that holds has it.

    Attributes:
        attribution: of the first statement: where the order counts.
        stated: time and event id of the statement that holds.
        leading: whether that is of the leading source.
        amount_minor: 0 where the order is cancelled.
        skus: what it holds.
        cart_id: the cart that it names, "" for none.
    """

    attribution: Attribution
    stated: tuple[int, str]
    leading: bool
    amount_minor: int
    currency: str
    skus: list[str] = msgspec.field(default_factory=list)
    cart_id: str = ""


class Observation(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One experience of the series that the shift detector watches.

    Attributes:
        value: units of 1 / SCALE; None while its response has none.
        cause: the number of the act that most likely brought it about, 0 for none.
        has_failed: whether it is a failure: of a page, or of a payment.
    """

    attribution: Attribution
    event_id: str
    value: int | None
    cause: int = 0
    has_failed: bool = False


FollowUpStatus = Literal["waiting", "open", "warning", "missed", "contacted", "settled", "expired", "withdrawn"]


class FollowUp(msgspec.Struct, array_like=True, gc=False):
    """A follow-up (see `follow_ups`). The time of what has not happened is 0.

    Attributes:
        attribution: of the touchpoint that gave the reason, `event_id`.
        happened_at: when that arose.
        warns_at: when it may warn at the earliest.
        deadline: when it next becomes something by itself, ms; 0 where it does not.
        causes: how many touchpoints have given the reason.
        value_minor, currency: what the customer had spent when it was opened.
        experience_before, experience_after: units of 1 / SCALE. The latter is the first since it was opened, or since
            the contact.
    """

    attribution: Attribution
    follow_up_id: str
    event_id: str
    happened_at: int
    warns_at: int
    due_at: int
    settle_due_at: int
    deadline: int
    status: FollowUpStatus = "waiting"
    opened_at: int = 0
    warned_at: int = 0
    missed_at: int = 0
    contacted_at: int = 0
    closed_at: int = 0
    changed_at: int = 0
    causes: int = 1
    subject_id: str = ""
    topic: str = ""
    lang: str = ""
    owner: str = ""
    value_minor: int = 0
    currency: str = ""
    experience_before: int | None = None
    experience_after: int | None = None
    may_ask: bool = False


class CustomerFollowUps(msgspec.Struct, array_like=True, gc=False):
    """A customer's follow-ups.

    Attributes:
        running: by reason: what waits or is under way, and what is settled while the customer's next experience is not
            known.
        asked: when the customer was asked for a response, ms, by a digest of its id.
        thanked_at: when the last thank-you was due to begin, 0 for never.
    """

    running: dict[str, FollowUp] = msgspec.field(default_factory=dict)
    asked: dict[str, int] = msgspec.field(default_factory=dict)
    thanked_at: int = 0


class CustomerState(msgspec.Struct, array_like=True, gc=False):
    """One customer at one moment of event time.

    Attributes:
        journeys: how many journeys there were, with the one under way.
        spend, refunded: of all orders placed and of all refunds, minor units by currency.
        currency, currency_of: the currency and the id of the first order placed, "" before one.
        last_shift: direction of the last sentiment shift: -1 worse, 1 better, 0 none yet.
        last_timer_at: the latest time at which a timer has fired, ms.
        cases: open cases, each with the time of its opening.
        observations: the experiences that the shift detector still weighs, oldest first.
        unanswered: what no person of the business has answered yet, oldest first (see `responses`).
        orders: the orders of the last 90 days (see `purchases`).
        orders_forgotten_at: when the last of the orders was placed that are no longer known, 0 where all are.
        last_nps_of: the question and response that `last_nps` answers.
        most_bytes: the state takes no more bytes than this, encoded (see `bounds`).
        follow_ups: None before the first (see `follow_ups`).
        forget_again: at how many touchpoints the machines look again for what is over.
        acts: the last act, the last about another thing, and the causes of the observations, oldest first.
    """

    journey: Journey | None = None
    journeys: int = 0
    first_seen_at: int = 0
    last_seen_at: int = 0
    touchpoints: int = 0
    purchases: int = 0
    spend: dict[str, int] = msgspec.field(default_factory=dict)
    refunded: dict[str, int] = msgspec.field(default_factory=dict)
    currency: str = ""
    currency_of: str = ""
    experience_sum: int = 0
    experience_n: int = 0
    last_nps: float | None = None
    last_shift: int = 0
    last_timer_at: int = 0
    carts: dict[str, Cart] = msgspec.field(default_factory=dict)
    calls: dict[str, Call] = msgspec.field(default_factory=dict)
    surveys: dict[str, Survey] = msgspec.field(default_factory=dict)
    cases: dict[str, int] = msgspec.field(default_factory=dict)
    observations: list[Observation] = msgspec.field(default_factory=list)
    unanswered: dict[str, Attribution] = msgspec.field(default_factory=dict)
    orders: dict[str, Order] = msgspec.field(default_factory=dict)
    last_nps_of: str = ""
    orders_forgotten_at: int = 0
    most_bytes: int = 0
    forget_again: int = 0
    follow_ups: CustomerFollowUps | None = None
    acts: list[Act] = msgspec.field(default_factory=list)

    @property
    def kept(self) -> int:
        """How many things are kept that every look for what is over has to pass."""
        return len(self.carts) + len(self.calls) + len(self.surveys) + len(self.unanswered)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CustomerState)


def encode_state(state: CustomerState) -> bytes:
    """Return a state as bytes; also the way to keep a copy of it."""
    return _encoder.encode(state)


def decode_state(data: bytes) -> CustomerState:
    """Return the state that `encode_state` wrote; no bytes mean a customer who is not yet known."""
    return _decoder.decode(data) if data else CustomerState()
