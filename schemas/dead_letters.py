"""Dead letters: the headers that a refused message is given, reading them back, and the row of a dead letter.

A dead letter is the refused message, byte for byte, with the headers `dlq.*` after its own. Where a
message is refused twice, the headers added last hold. Where identifiers are replaced by pseudonyms it has
these headers alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from schemas.avro.registry import kind_schemas
from schemas.errors import Stage
from schemas.inputs import CONTRACT_INPUTS, InputTopics
from schemas.rows import DeadLetterRow, OutcomeRow, place
from schemas.sizes import MAX_DEAD_LETTER_BYTES, RECORD_OVERHEAD, Headers, record_size
from schemas.text import MAX_REASON, shortened
from schemas.topics import DEAD_LETTERS
from schemas.units import TIMES
from schemas.versions import row_version

REASON, DETAIL, STAGE = "dlq.reason", "dlq.detail", "dlq.stage"
TOPIC, PARTITION, OFFSET, AT = "dlq.topic", "dlq.partition", "dlq.offset", "dlq.at"
HEADERS = frozenset({REASON, DETAIL, STAGE, TOPIC, PARTITION, OFFSET, AT})
"""The names of the headers that are added to the message's own."""

MAX_BYTES = MAX_DEAD_LETTER_BYTES - RECORD_OVERHEAD
"""Bytes of a letter that surely fit into the topic, even if nothing of them can be compressed."""
PARTITIONS = range(1 << 31)
OFFSETS = range(1 << 63)
"""The numbers that Kafka gives; all of them fit the columns."""
NO_NUMBER = -1
_MAX_TEXT_BYTES = 4 * MAX_REASON + 4
NO_HEADERS = "a message of touchpoints.dlq.v1 without the headers of a dead letter"
_LOST = "; the message itself is no longer in its topic"
_WITHHELD = "; the message itself is left in its topic: there are pseudonyms"
_FIRST_WORD = re.compile(r"[a-z_]+")
_FIELDS = frozenset(field["name"] for schema in kind_schemas().values() for field in schema["fields"])
_PLAIN: dict[str, str] = {
    "undecodable": "the bytes are not one whole record of the topic's kind, or cannot be read",
    "unknown_schema": "the message names a schema that is not known, or cannot be used",
    "missing_field": "a field that has to be filled is missing, empty or too long",
    "no_identity": "there is no usable customer_id, and no usable identifier",
    "invalid_time": "a time is out of its range, or a period ends before it starts",
    "invalid_score": "a score is outside its scale, or the scale is none",
    "invalid_amount": "an amount, quantity, duration or currency is none that is taken",
    "too_large": "the message, or a field of it, is longer than is taken",
    "event_id_collision": "this event_id of the customer was seen before with another payload; give each event its own",
    "too_many_ahead": "too many touchpoints of the customer are dated ahead; correct the clock of the source",
}
"""What a reason means (contract, section 2), of whatever message."""
_LEFT = "; the message itself is left in its topic: too many came at once"


class Encoded(NamedTuple):
    """A dead letter as it is written to its topic: key, value and headers."""

    key: bytes | None
    value: bytes | None
    headers: Headers


class StoredRecord(Protocol):
    """What is used of a record that was read from the topic; `timestamp` is epoch ms."""

    offset: int
    timestamp: int
    value: bytes | None
    headers: Headers


@dataclass(frozen=True)
class DeadLetter:
    """A refused message, and why it was refused.

    Attributes:
        reason: one of `schemas.errors.REASONS`.
        detail: what exactly was wrong, for a person; at most `MAX_REASON` characters.
        stage: which stage refused it.
        topic, partition, offset: where the message stood; -1 for a number that is missing.
        at: when it was refused, RFC 3339.
        key, value, headers: the message's own.
    """

    reason: str
    detail: str
    stage: str
    topic: str
    partition: int
    offset: int
    at: str
    key: bytes | None = None
    value: bytes | None = None
    headers: Headers = ()


def encode(letter: DeadLetter) -> Encoded:
    """Return a dead letter as it is written to `touchpoints.dlq.v1`, in the partition of the message's task.

    A message may be too large for that topic: brokers count compressed bytes, so its own topic took
    it. Then the letter lacks key, value and headers, and its detail says where the message stands.
    """
    encoded = Encoded(letter.key, letter.value, [*letter.headers, *_encoded_headers(letter, note="")])
    size = record_size(*encoded)
    if size <= MAX_BYTES:
        return encoded
    where = f"{letter.topic}, partition {letter.partition}, offset {letter.offset}"
    note = f"; with its {size} bytes the message is too large for a dead letter, and stands only in {where}"
    return Encoded(None, None, _encoded_headers(letter, note))


def without_contents(letter: DeadLetter) -> DeadLetter:
    """Return a letter that has nothing of its message: where it stands, the reason, and the field that does not hold.

    Details quote what is wrong, errors of libraries too: of this one nothing is kept but the name of a field of ours,
    if it begins with one.
    """
    field = _FIRST_WORD.match(letter.detail)
    where = f"{field[0]}: " if field is not None and field[0] in _FIELDS else ""
    what = _PLAIN.get(letter.reason, letter.reason)
    return replace(letter, detail=f"{where}{what}{_WITHHELD}", key=None, value=None, headers=())


def encode_lost(letter: DeadLetter) -> Encoded:
    """Return the dead letter of a message that its topic no longer holds: without key, value and headers."""
    return encode(replace(letter, detail=_with_note(letter.detail, _LOST), key=None, value=None, headers=()))


def encode_left(letter: DeadLetter) -> Encoded:
    """Return the dead letter of a message that is not fetched from its topic: without key, value and headers."""
    return encode(replace(letter, detail=_with_note(letter.detail, _LEFT), key=None, value=None, headers=()))


def decode(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter:
    """Return what a record of the topic says; headers that are missing give "" or -1.

    Anybody can write such headers: of each text at most `MAX_REASON` printable characters are taken.
    """
    texts = _texts(headers)
    return DeadLetter(
        reason=texts.get(REASON, ""),
        detail=texts.get(DETAIL, ""),
        stage=texts.get(STAGE, ""),
        topic=texts.get(TOPIC, ""),
        partition=_number(texts.get(PARTITION, ""), PARTITIONS),
        offset=_number(texts.get(OFFSET, ""), OFFSETS),
        at=texts.get(AT, ""),
        key=key,
        value=value,
        headers=[(name, content) for name, content in headers if name not in HEADERS],
    )


def row_of(record: StoredRecord, partition: int, epoch: int) -> DeadLetterRow:
    """Return the row of a record of the topic; for a record that is not a dead letter, a row that says so.

    Anybody can write such headers: with a number or a time that the columns cannot hold, it is not a dead letter.

    Args:
        record: a record of `touchpoints.dlq.v1`.
        partition: its partition of that topic.
        epoch: `TOUCHLINE_EPOCH`.
    """
    letter = decode(None, None, record.headers)
    refused_at = _time(letter.at)
    complete = _texts(record.headers).keys() == HEADERS and NO_NUMBER not in (letter.partition, letter.offset)
    if not complete or refused_at is None:
        stage: Stage = "sink"
        letter = DeadLetter(
            reason="undecodable",
            detail=NO_HEADERS,
            stage=stage,
            topic=DEAD_LETTERS,
            partition=partition,
            offset=record.offset,
            at="",
        )
        # The timestamp is the producer's to choose, too.
        refused_at = record.timestamp if record.timestamp in TIMES else 0
    return DeadLetterRow(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        reason=letter.reason,
        detail=letter.detail,
        stage=letter.stage,
        refused_at=refused_at,
        raw=record.value or b"",
        version=row_version(epoch, record.offset),
    )


def refusal_of(letter: DeadLetterRow, inputs: InputTopics = CONTRACT_INPUTS) -> OutcomeRow | None:
    """Return the row that says that a message was refused; None for what is no dead letter of an input topic.

    Of a topic that carries several kinds, the row has the topic in the place of the kind.
    """
    origin = inputs.origin(letter.topic)
    if origin is None:
        return None
    return OutcomeRow(
        origin, letter.refused_at, "refused", letter.topic, place(letter.partition, letter.offset), letter.version
    )


def rfc3339(ms: int) -> str:
    """Return a time, epoch ms, as in `2026-01-31T12:00:00.000Z`."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(text: str) -> int:
    """Return the epoch milliseconds of an RFC 3339 time, or raise ValueError or OverflowError."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _encoded_headers(letter: DeadLetter, note: str) -> list[tuple[str, bytes | None]]:
    texts = {
        REASON: letter.reason,
        DETAIL: _with_note(letter.detail, note),
        STAGE: letter.stage,
        TOPIC: letter.topic,
        PARTITION: str(letter.partition),
        OFFSET: str(letter.offset),
        AT: letter.at,
    }
    return [(name, text.encode()) for name, text in texts.items()]


def _with_note(detail: str, note: str) -> str:
    """Return a detail of at most `MAX_REASON` characters, with a note that is never cut."""
    return shortened(detail, MAX_REASON - len(note)) + note


def _texts(headers: Headers) -> dict[str, str]:
    """Return the dead letter's headers among others; of several with one name the last holds."""
    return {
        name: shortened(content[:_MAX_TEXT_BYTES].decode(errors="replace"))
        for name, content in headers
        if name in HEADERS and content is not None
    }


def _number(text: str, allowed: range) -> int:
    # A text is cut at 500 characters: all digits of a number that Kafka gives are in it.
    digits = text.isascii() and text.isdigit()
    return int(text) if digits and int(text) in allowed else NO_NUMBER


def _time(text: str) -> int | None:
    try:
        ms = epoch_ms(text)
    except (ValueError, OverflowError):
        return None
    return ms if ms in TIMES else None
