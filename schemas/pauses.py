"""Paused input partitions: the note that a worker commits with their offset, and the request to take one up.

The request is a message of `touchpoints.resume.v1`, in the partition of the input's task, so that it reaches the worker
that has the input.
"""

from __future__ import annotations

import msgspec

from schemas.errors import NOT_READ
from schemas.units import TIMES


class PauseNote(msgspec.Struct, frozen=True):
    """What is committed with the offset of a paused input partition.

    Attributes:
        since: when it was first paused since it last had an accepted message, epoch ms.
        hold_until: until when the watermark waits for it, epoch ms.
        reached: the event time that it had reached by then, epoch ms; 0 while unknown.
    """

    since: int
    hold_until: int
    reached: int


class ResumeRequest(msgspec.Struct, frozen=True):
    """A person's request to read a paused partition of an input topic again.

    Attributes:
        topic: the input topic.
        partition: its partition; None for the one with the number of the request's own.
    """

    topic: str
    partition: int | None = None


def encode_note(note: PauseNote) -> str:
    """Return a note as it is committed."""
    return msgspec.json.encode(note).decode()


def decode_note(text: str) -> PauseNote | None:
    """Return the note committed with an offset, None without one, and where its times are none."""
    try:
        note = msgspec.json.decode(text, type=PauseNote)
    except NOT_READ:
        return None
    return note if all(time in TIMES for time in (note.since, note.hold_until, note.reached)) else None


def encode_request(request: ResumeRequest) -> bytes:
    """Return a request as the value of its message."""
    return msgspec.json.encode(request)


def decode_request(value: bytes | None) -> ResumeRequest | None:
    """Return the request in a message, None where it holds none."""
    try:
        return msgspec.json.decode(value or b"", type=ResumeRequest)
    except NOT_READ:
        return None
