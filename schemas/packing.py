"""MessagePack for what is kept in memory: in bytes that take no more room than they have."""

from __future__ import annotations

import msgspec

_encoder = msgspec.msgpack.Encoder()


def packed(value: object) -> bytes:
    """Return a value as MessagePack.

    An encoder's own bytes stay in the room that it has made for them: up to a third more.
    """
    room = bytearray()
    _encoder.encode_into(value, room)
    return bytes(room)
