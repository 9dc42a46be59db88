"""From the JSON of one touchpoint to its message, or a refusal with the contract's reason. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from schemas.avro.jsonl import BadLineError, MissingFieldError, parse_line
from schemas.errors import Reason, RefusalError, UndecodableError
from schemas.inputs import CONTRACT_INPUTS, InputTopics
from schemas.kinds.checks import InvalidRecordError
from streams.identity.identities import Identities
from streams.intake.accept import Source, accept, check_size
from streams.intake.checks import MAX_EVENT_ID
from streams.kafka.producer import Message
from touchline.publish.convert import Converter, key_of

TOUCHPOINT = "the touchpoint"
TEXT_BYTES = 4 << 20
"""Bytes of a touchpoint's JSON. A text of Cyrillic letters that fills a message takes three times as much, escaped."""

REFUSED_BYTES, CHARACTER_BYTES = 400, 4
"""What a refusal takes of memory beside its texts, and what a character of these takes at most."""


class Outgoing(NamedTuple):
    """A touchpoint that is to be published.

    Attributes:
        event_id: its own.
        topic: where it goes.
        message: what is written there.
    """

    event_id: str
    topic: str
    message: Message


class Refused(NamedTuple):
    """A touchpoint that is refused, as the workers would refuse it.

    Attributes:
        event_id: its beginning, if it is longer than one may be; None where it states none.
        reason: the contract's.
        detail: what is wrong.
    """

    event_id: str | None
    reason: Reason
    detail: str

    @property
    def size(self) -> int:
        """About how many bytes it takes of memory, at most."""
        return REFUSED_BYTES + CHARACTER_BYTES * (len(self.event_id or "") + len(self.detail))


class _Named(msgspec.Struct, gc=False):
    """What is read of a touchpoint that does not fit its record, so that its sender knows which it was."""

    event_id: str | None = None


_named = msgspec.json.Decoder(_Named)


class _NoScorer:
    """Scores nothing: how a text feels decides of no refusal, and the workers find it out."""

    name = ""

    def score(self, text: str, lang: str | None = None) -> int | None:
        del text, lang
        return None


class Intake:
    """Reads touchpoints as `touchline publish` reads lines, and checks them as the workers check messages.

    Args:
        inputs: the input topics.
        identities: say whose a touchpoint is.
    """

    def __init__(self, inputs: InputTopics = CONTRACT_INPUTS, identities: Identities | None = None) -> None:
        self._converter = Converter(inputs)
        self._identities = identities or Identities()
        self._scorer = _NoScorer()

    def read(self, text: bytes, now: int) -> Outgoing | Refused:
        """Return the touchpoint in a text, or why it is refused. No text, whatever its bytes, raises an error.

        Args:
            text: one JSON object.
            now: wall-clock time, ms.
        """
        try:
            kind, record = _parsed(text)
        except RefusalError as error:
            return Refused(_stated_event_id(text), error.reason, error.detail)
        event_id = record["event_id"]
        try:
            value = self._value(kind, record)
            check_size(value)
            source = Source(0, "", 0, 0, now, len(value))
            accept(kind, record, source, now=now, scorer=self._scorer, identities=self._identities)
        except RefusalError as error:
            return Refused(event_id[:MAX_EVENT_ID], error.reason, error.detail)
        # Not before the lengths of the fields are checked: to compare identifiers of a megabyte takes long.
        key = key_of(record).encode()
        return Outgoing(event_id, self._converter.topics[kind], Message(key, value))

    def _value(self, kind: str, record: dict[str, Any]) -> bytes:
        try:
            return self._converter.value(kind, record)
        except BadLineError as error:
            raise UndecodableError(error.reason) from error


def _stated_event_id(text: bytes) -> str | None:
    if len(text) <= TEXT_BYTES:
        with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
            return (_named.decode(text).event_id or "")[:MAX_EVENT_ID] or None
    return None


def _parsed(text: bytes) -> tuple[str, dict[str, Any]]:
    if len(text) > TEXT_BYTES:
        raise InvalidRecordError("too_large", f"{TOUCHPOINT} has {len(text):,} bytes; at most {TEXT_BYTES:,} are read")
    try:
        return parse_line(text, TOUCHPOINT)
    except MissingFieldError as error:
        raise InvalidRecordError("missing_field", error.reason) from error
    except BadLineError as error:
        raise UndecodableError(error.reason) from error
