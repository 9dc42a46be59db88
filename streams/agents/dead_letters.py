"""The one place where dead letters are written and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from schemas.rows import DeadLetterRow
from schemas.topics import DEAD_LETTERS
from streams.kafka.offsets import Record
from streams.kafka.producer import MAX_DEAD_LETTER_BYTES, RECORD_OVERHEAD, Message

MOST_DETAIL = 1000
"""Characters of `dlq.detail` that are kept."""
LARGEST = MAX_DEAD_LETTER_BYTES - RECORD_OVERHEAD
"""Bytes of a letter that surely fit into the topic, though nothing of them can be compressed."""
PARTITIONS = range(1 << 31)
OFFSETS = range(1 << 63)
"""What Kafka can number, all of which fits the columns."""
TIMES = range(-2_208_988_800_000, 10_413_792_000_000)
"""Epoch ms from 1900 to 2299: what a DateTime64 holds."""
NO_HEADERS = "a message of touchpoints.dlq.v1 without the headers of a dead letter"


def dead_letter(  # one header each
    record: Record, *, topic: str, partition: int, reason: str, detail: str, stage: str, at_ms: int
) -> Message:
    """Return the dead letter of a refused message; send it to `touchpoints.dlq.v1`, same partition.

    Key, value and headers are byte for byte those of the message. Where it was refused before, and
    sent again, the headers added last are those that hold. A message that is too large for the topic
    (brokers count compressed bytes, so its own topic took it) is left where it is: the letter has
    nothing of it, and its detail says where it stands.

    Args:
        record: the refused message.
        topic: where it stood.
        partition: likewise.
        reason: one of the contract's words.
        detail: what exactly was wrong, for a person.
        stage: who refused it: `ingest` or `journeys`.
        at_ms: when, epoch ms.
    """
    added = {
        "dlq.reason": reason,
        "dlq.detail": _with_note(detail, ""),
        "dlq.stage": stage,
        "dlq.topic": topic,
        "dlq.partition": str(partition),
        "dlq.offset": str(record.offset),
        "dlq.at": rfc3339(at_ms),
    }
    letter = Message(record.key, record.value, [*record.headers, *_encoded(added)])
    if letter.size <= LARGEST:
        return letter
    where = f"{topic}, partition {partition}, offset {record.offset}"
    note = f"; with its {letter.size} bytes the message is too large for a dead letter, and stands only in {where}"
    return Message(None, None, _encoded({**added, "dlq.detail": _with_note(detail, note)}))


def lost_letter(
    *, topic: str, partition: int, offset: int, reason: str, detail: str, stage: str, at_ms: int
) -> Message:
    """Return the dead letter of a message whose topic no longer holds it: without key and value."""
    return dead_letter(
        _Gone(offset),
        topic=topic,
        partition=partition,
        reason=reason,
        detail=_with_note(detail, "; the message itself is no longer in its topic"),
        stage=stage,
        at_ms=at_ms,
    )


def row_of(record: Record, partition: int, epoch: int) -> DeadLetterRow:
    """Return the row of a dead letter. What is no dead letter gives a row that says so.

    Anybody can write such headers: numbers and times that the table's columns cannot hold make it none.

    Args:
        record: a message of `touchpoints.dlq.v1`.
        partition: its partition of that topic, which is also that of the refused message.
        epoch: `Settings.epoch`.
    """
    headers = {
        name: value.decode(errors="replace")
        for name, value in record.headers
        if name.startswith("dlq.") and value is not None
    }
    version = epoch << 48 | record.offset << 8
    raw = record.value or b""
    try:
        return DeadLetterRow(
            topic=headers["dlq.topic"],
            partition=_within(PARTITIONS, int(headers["dlq.partition"])),
            offset=_within(OFFSETS, int(headers["dlq.offset"])),
            reason=headers["dlq.reason"],
            detail=headers["dlq.detail"],
            stage=headers["dlq.stage"],
            refused_at=_within(TIMES, epoch_ms(headers["dlq.at"])),
            raw=raw,
            version=version,
        )
    except (KeyError, ValueError, OverflowError):
        # The timestamp is the producer's to choose, too.
        at = record.timestamp if record.timestamp in TIMES else 0
        return DeadLetterRow(
            DEAD_LETTERS, partition, record.offset, "undecodable", NO_HEADERS, "sink", at, raw, version
        )


def _within(allowed: range, number: int) -> int:
    if number not in allowed:
        raise ValueError(f"{number} is not from {allowed.start} to {allowed.stop - 1}")
    return number


def rfc3339(ms: int) -> str:
    """Return a time as in `2026-01-31T12:00:00.000Z`."""
    context = datetime.fromtimestamp(ms / 1000, UTC)
    return context.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(text: str) -> int:
    """Return the epoch milliseconds of an RFC 3339 time, or raise ValueError."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _with_note(detail: str, note: str) -> str:
    """Return a detail that is not too long, with a note that is never cut."""
    return detail[: MOST_DETAIL - len(note)] + note


def _encoded(headers: Mapping[str, str]) -> list[tuple[str, bytes | None]]:
    return [(name, text.encode()) for name, text in headers.items()]


class _Gone:
    """What is known of a message that is no longer there."""

    key: bytes | None = None
    value: bytes | None = None
    timestamp: int = 0

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.headers: Sequence[tuple[str, bytes | None]] = ()
