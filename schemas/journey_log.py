"""What the journeys log says: the records of `journeys.touchpoints.v1`, as INGEST writes and JOURNEYS reads them.

A record is a MessagePack array whose first element is its type's tag. Scores are whole ten-thousandths
(`SCALE`), so that sums are exact in whatever order they are added; times are epoch milliseconds, UTC.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Tick(msgspec.Struct, array_like=True, tag="tick", frozen=True, gc=False):
    """A task's clock, appended to every partition about once a second, so that idle ones move too."""

    task: int
    clock: int


class Touchpoint(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """What every customer's touchpoint carries; each kind adds its own fields.

    Attributes:
        kind: the contract's name of its kind.
        task: the INGEST task (input partition number) that read it.
        clock: that task's watermark when it was read, ms; 0 where not yet known.
        source_offset: its offset in partition `task` of its kind's topic.
        received_at: the broker's timestamp of the message, ms.
        fingerprint: 63 bits over the whole payload; tells a duplicate from a collision.
        customer_key: whose it is: the customer's id, or the name of an anonymous profile.
        text: what was said ("" for kinds without text).
        sentiment: polarity of the customer's own text, in units of 1 / SCALE, or None where not scored.
        scorer: name and version of the scorer ("" where not scored).
    """

    kind: ClassVar[str] = ""

    task: int
    clock: int
    source_offset: int
    received_at: int
    fingerprint: int
    event_id: str
    occurred_at: int
    source: str
    customer_key: str
    channel: str
    attributes: dict[str, str]
    text: str = ""
    sentiment: int | None = None
    scorer: str = ""

    @property
    def what(self) -> str:
        """What happened: the action or the phase; of a post, who wrote it."""
        return ""

    @property
    def subject(self) -> str:
        """The id of what it is about, "" where there is none."""
        return ""

    @property
    def worth(self) -> tuple[int | None, str | None]:
        """Its amount in minor units and the currency, None where it is not about money."""
        return None, None


class Purchase(Touchpoint, tag="purchase", frozen=True):
    """An order placed, or refunded."""

    kind: ClassVar[str] = "purchase"

    order_id: str
    action: str
    amount_minor: int
    currency: str
    cart_id: str | None = None

    @property
    def what(self) -> str:
        """See `Touchpoint`."""
        return self.action

    @property
    def subject(self) -> str:
        """See `Touchpoint`."""
        return self.order_id

    @property
    def worth(self) -> tuple[int | None, str | None]:
        """See `Touchpoint`."""
        return self.amount_minor, self.currency


class Tweet(Touchpoint, tag="tweet", frozen=True):
    """A social post or a public review."""

    kind: ClassVar[str] = "tweet"

    post_id: str
    author: str
    in_reply_to: str | None = None
    rating: int | None = None

    @property
    def what(self) -> str:
        """See `Touchpoint`."""
        return self.author

    @property
    def subject(self) -> str:
        """See `Touchpoint`."""
        return self.post_id


class SupportCall(Touchpoint, tag="support_call", frozen=True):
    """A phase of a call."""

    kind: ClassVar[str] = "support_call"

    call_id: str
    phase: str
    topic: str | None = None
    case_id: str | None = None
    resolved: bool | None = None

    @property
    def what(self) -> str:
        """See `Touchpoint`."""
        return self.phase

    @property
    def subject(self) -> str:
        """See `Touchpoint`."""
        return self.call_id


class SurveyAnswer(Touchpoint, tag="survey_answer", frozen=True):
    """A phase of a response to a survey.

    Attributes:
        normalised: the score mapped to 0 .. SCALE so that higher is better, or None without a score.
        score: the score as given, or None.
    """

    kind: ClassVar[str] = "survey_answer"

    response_id: str
    survey_id: str
    phase: str
    question_kind: str | None = None
    score: float | None = None
    normalised: int | None = None

    @property
    def what(self) -> str:
        """See `Touchpoint`."""
        return self.phase

    @property
    def subject(self) -> str:
        """See `Touchpoint`."""
        return self.response_id


class CartEvent(Touchpoint, tag="cart_event", frozen=True):
    """A change to a cart."""

    kind: ClassVar[str] = "cart_event"

    cart_id: str
    action: str
    quantity: int
    value_minor: int
    currency: str | None = None

    @property
    def what(self) -> str:
        """See `Touchpoint`."""
        return self.action

    @property
    def subject(self) -> str:
        """See `Touchpoint`."""
        return self.cart_id

    @property
    def worth(self) -> tuple[int | None, str | None]:
        """See `Touchpoint`."""
        return self.value_minor, self.currency


class CaseEvent(Touchpoint, tag="case_event", frozen=True):
    """A phase of a case (e-mail, chat, ticket, complaint)."""

    kind: ClassVar[str] = "case_event"

    case_id: str
    phase: str
    by: str
    topic: str | None = None
    complaint: bool = False

    @property
    def what(self) -> str:
        """See `Touchpoint`."""
        return self.phase

    @property
    def subject(self) -> str:
        """See `Touchpoint`."""
        return self.case_id


class PageView(Touchpoint, tag="page_view", frozen=True):
    """A page seen on the site or in the client portal."""

    kind: ClassVar[str] = "page_view"

    page: str
    area: str
    action: str
    ok: bool = True

    @property
    def what(self) -> str:
        """See `Touchpoint`."""
        return self.action


AnyTouchpoint = Purchase | Tweet | SupportCall | SurveyAnswer | CartEvent | CaseEvent | PageView
LogRecord = Tick | AnyTouchpoint

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[LogRecord] = msgspec.msgpack.Decoder(LogRecord)

encode = _encoder.encode
decode = _decoder.decode
