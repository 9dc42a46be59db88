"""The things of a profile that its owner adopts: carts, calls, responses, open cases, questions, and follow-ups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.journeys.state import Attribution, Call, Cart, FollowUp, Survey

PART_MAX_BYTES = 256 << 10
"""What is sent at a time, encoded: a robot's things are sent in parts."""
ENTRY_BYTES = 8
"""What an entry takes beside its key and what it holds, at most."""


class Things(msgspec.Struct, array_like=True, gc=False):
    """Things by the keys of the profile's state, follow-ups by their reasons; of cases when they were opened, ms."""

    carts: dict[str, Cart] = msgspec.field(default_factory=dict)
    calls: dict[str, Call] = msgspec.field(default_factory=dict)
    surveys: dict[str, Survey] = msgspec.field(default_factory=dict)
    cases: dict[str, int] = msgspec.field(default_factory=dict)
    unanswered: dict[str, Attribution] = msgspec.field(default_factory=dict)
    follow_ups: dict[str, FollowUp] = msgspec.field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many they are."""
        return sum(len(getattr(self, name)) for name in self.__struct_fields__)


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Things).decode


def parts_of(things: Things) -> Iterator[bytes]:
    """Yield things encoded, in as many parts as they need; nothing without any."""
    whole = encode(things)
    if len(whole) <= PART_MAX_BYTES:
        if things.count:
            yield whole
        return
    part, size = Things(), 0
    for name in Things.__struct_fields__:
        kept: dict[str, Any] = getattr(things, name)
        for key, thing in kept.items():
            added = len(encode(thing)) + len(key.encode()) + ENTRY_BYTES
            if size and size + added > PART_MAX_BYTES:
                yield encode(part)
                part, size = Things(), 0
            getattr(part, name)[key] = thing
            size += added
    yield encode(part)
