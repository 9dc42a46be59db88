"""The dead letters of `touchline notify`: signals that a target has not taken, or that cannot be read. Pure.

A dead letter is the signal, byte for byte, with the headers `notify.*`. One that would outgrow its topic lacks the
signal, and its headers say where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.dead_letters import NO_NUMBER
from schemas.sizes import Headers
from schemas.text import shortened
from schemas.topics import MAX_MESSAGE_BYTES
from streams.kafka.producer import Message

TARGET, REASON, ID = "notify.target", "notify.reason", "notify.follow_up_id"
TOPIC, PARTITION, OFFSET, AT = "notify.topic", "notify.partition", "notify.offset", "notify.at"
_MAX_TEXT_BYTES = 2_048


@dataclass(frozen=True)
class Letter:
    """A signal that was not delivered.

    Attributes:
        target: whose it would have been; empty where nobody could read it.
        reason: why it was not, for a person.
        id: the delivery's: of a follow-up its id and status; empty where nobody could read it.
        topic, partition, offset: where the signal stands.
        at: when it was given up, RFC 3339.
        key, value: the signal's own.
    """

    target: str
    reason: str
    id: str
    topic: str
    partition: int
    offset: int
    at: str
    key: bytes | None
    value: bytes | None


def encode(letter: Letter) -> Message:
    """Return a letter as it is written to its topic."""
    texts = {
        TARGET: letter.target,
        REASON: shortened(letter.reason),
        ID: letter.id,
        TOPIC: letter.topic,
        PARTITION: str(letter.partition),
        OFFSET: str(letter.offset),
        AT: letter.at,
    }
    headers = [(name, text.encode()) for name, text in texts.items()]
    whole = Message(letter.key, letter.value, headers)
    return whole if whole.size <= MAX_MESSAGE_BYTES else Message(None, None, headers)


def decode(key: bytes | None, value: bytes | None, headers: Headers) -> Letter:
    """Return what a record of the topic says; whoever may write to it can write anything."""
    texts = {name: shortened(said[:_MAX_TEXT_BYTES].decode(errors="replace")) for name, said in headers if said}
    partition, offset = (_number(texts.get(name, "")) for name in (PARTITION, OFFSET))
    target, reason, found, topic, at = (texts.get(name, "") for name in (TARGET, REASON, ID, TOPIC, AT))
    return Letter(target, reason, found, topic, partition, offset, at=at, key=key, value=value)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else NO_NUMBER
