"""Erasures: the records of `identity.erasures.v1`, and by what those are known who were erased.

Nobody who was erased is named: they are known by a digest of each of their stated keys. Whoever has the topic, and an
address, can find out whether it is among these; without pseudonyms also by trying all telephone numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from schemas.kinds.touchpoint import tag_of

SALT_BYTES = 16
DIGEST_BYTES = 16
PART_BYTES = 64 << 10
"""Most bytes of the stated keys in one `ErasedRows`, as `literal_bytes` counts them: the sink names them three times in
one statement, and ClickHouse reads statements of 256 KiB."""
DIGESTS_MAX = 10_000
"""Most digests in one `Erasure`, 180 KB: what is read of the topic takes a millisecond each."""


class Erasure(msgspec.Struct, array_like=True, tag=tag_of("erasure"), frozen=True, gc=False):
    """Somebody who was erased, or a part of them: by some of their stated keys. Its key in the topic is `key`.

    Attributes:
        erasure_id: the order's.
        at: what happened up to then is erased, ms.
        salt: of the digests; all erasures of an installation have one.
        digests: of their stated keys, by `digest_of`.
        links_offset: of the order in `identity.links.v1`.
        part, parts: which one it is of those of its order, from 0 on, and how many these are.
    """

    erasure_id: str
    at: int
    salt: bytes
    digests: list[bytes]
    links_offset: int
    part: int = 0
    parts: int = 1

    @property
    def key(self) -> bytes:
        """The key in the topic, which is compacted: one for each part."""
        return (f"{self.erasure_id}/{self.part}" if self.part else self.erasure_id).encode()


class ErasedRows(msgspec.Struct, array_like=True, tag=tag_of("erased_rows"), frozen=True, gc=False):
    """Which rows the sink has to delete; it stands in a facts topic behind all of them, under the key `ERASED`.

    Of one order there are several, each with some of the stated keys.

    Attributes:
        erasure_id: the order's.
        at: touchpoints that happened up to then are deleted, ms.
        customer_keys: stated keys of whoever is erased.
        version: rows of other tables below this version are deleted.
        unsure_letters: as of an `Erase`.
    """

    erasure_id: str
    at: int
    customer_keys: list[str]
    version: int
    unsure_letters: bool = False


ERASED = b"erased"
"""The key of a message of a facts topic that holds `ErasedRows`."""

ERASED_FROM = (
    "touchpoints", "journeys", "sentiment_shifts", "abandonments", "follow_ups", "superseded", "customers",
)  # fmt: skip
"""The tables whose rows a log partition writes of a customer. Outcomes go with the touchpoints."""

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Erasure).decode
decode_rows = msgspec.msgpack.Decoder(ErasedRows).decode
"""Both raise one of `schemas.errors.NOT_READ` where the bytes are no record of this layout."""


def digest_of(salt: bytes, customer_key: str) -> bytes:
    """Return by what somebody is known who was erased, of one of their stated keys."""
    return blake2b(customer_key.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES, key=salt).digest()


def parts_of(erased: ErasedRows) -> Iterator[ErasedRows]:
    """Yield the same with some of the stated keys each: `PART_BYTES` of them, or one.

    The same keys in the same order make the same parts.
    """
    part: list[str] = []
    size = 0
    for key in erased.customer_keys:
        more = literal_bytes(key)
        if part and size + more > PART_BYTES:
            yield replace(erased, customer_keys=part)
            part, size = [], 0
        part.append(key)
        size += more
    if part:
        yield replace(erased, customer_keys=part)


def in_parts(erasure: Erasure) -> Iterator[Erasure]:
    """Yield an erasure with some of its digests each, `DIGESTS_MAX` at most."""
    starts = range(0, len(erasure.digests), DIGESTS_MAX)
    for part, first in enumerate(starts):
        digests = erasure.digests[first : first + DIGESTS_MAX]
        yield replace(erasure, digests=digests, part=part, parts=len(starts))


def joined(found: Iterable[Erasure]) -> Iterator[Erasure]:
    """Yield the erasures of which all parts are there, each as one; of others a worker has yet to write the rest."""
    known: dict[str, dict[int, Erasure]] = {}
    for one in found:
        known.setdefault(one.erasure_id, {})[one.part] = one
    for parts in known.values():
        first = next(iter(parts.values()))
        if len(parts) == first.parts:
            digests = [digest for number in sorted(parts) for digest in parts[number].digests]
            yield replace(first, digests=digests, part=0, parts=1)


def literal_bytes(text: str) -> int:
    """Return how many bytes a text takes in a statement of SQL: escaped, in quotes, and behind a comma."""
    return len(text.encode("utf-8", "surrogatepass")) + sum(map(text.count, "\\'\0")) + len("'', ")
