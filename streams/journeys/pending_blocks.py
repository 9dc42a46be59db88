"""Pending touchpoints of busy customers as changelog entries of their own: written once, deleted when they are folded.

An ordinary customer is one entry. Of a customer with many pending touchpoints that entry would be written anew, with
all of them, at each flush. So the oldest that have been applied are sealed into *blocks*, and the customer's own entry
names these. Timelines know nothing of it.

A block is named by the offset at which it was sealed and by a digest of what is in it. So two workers never write
different touchpoints under one name. The customer's entry decides which blocks are in force. What others may still
need is never deleted: docs/adr/0030-blocks.md has the reasoning.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import is_
from typing import NamedTuple

import msgspec

from schemas.packing import packed
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.formats import FORMAT, StateFormatError, check_format
from streams.journeys.output import Entry
from streams.journeys.pending import Key, Pending, key_of
from streams.journeys.position import BlockReference

BLOCK_BYTES = 8 << 10
"""A customer with more pending touchpoints than this, encoded, has blocks of about so many bytes."""
RETIRED_MAX_BYTES = 1 << 20
"""With more than this in blocks that are no longer in force and cannot be deleted yet, a customer has no new ones: a
robot's, whose touchpoints come out of order. What is pending is then written with each entry."""
OFFSET_BYTES = DIGEST_BYTES = 8
ID_BYTES = OFFSET_BYTES + DIGEST_BYTES
PENDING = CustomerTimeline.__struct_fields__.index("pending")


class StoredBlock(msgspec.Struct, array_like=True, gc=False):
    """A block as the changelog has it.

    Attributes:
        format: see `streams.journeys.formats`.
        pending: touchpoints that follow one another in the order of a timeline.
    """

    format: int
    pending: list[Pending]


_blocks = msgspec.msgpack.Decoder(StoredBlock)


class Retired(NamedTuple):
    """A block that is in the changelog and in force no longer.

    Attributes:
        last: the key of its last touchpoint.
        size: its bytes.
    """

    id: bytes
    last: Key
    size: int


@dataclass(slots=True)
class Block:
    """A block in force.

    Attributes:
        id: the offset at which it was sealed, and the digest.
        data: as it is in the changelog.
        count: of its touchpoints.
        last: the key of the last.
        skip: how many of the first are pending no longer.
        items: the touchpoints, as long as the customer is kept decoded.
    """

    id: bytes
    data: bytes
    count: int
    last: Key
    skip: int = 0
    items: list[Pending] | None = None

    @property
    def left(self) -> list[Pending]:
        """The touchpoints that were pending when this was last asked."""
        if self.items is None:
            self.items = _blocks.decode(self.data).pending
        return self.items[self.skip :]

    def retired(self) -> Retired:
        """Return it as one that is in force no longer."""
        return Retired(self.id, self.last, len(self.data))


@dataclass(slots=True)
class Stored:
    """The blocks of one customer.

    Attributes:
        size: bytes of those in force.
    """

    blocks: list[Block] = field(default_factory=list)
    retired: list[Retired] = field(default_factory=list)
    size: int = 0

    def keep(self, pending: Sequence[Pending]) -> int:
        """Keep the blocks in force whose touchpoints are the first pending ones, without a gap; retire the others.

        Returns:
            How many pending touchpoints they have.
        """
        kept: list[Block] = []
        covered = 0
        for block in self.blocks:
            left = block.left
            if not kept:
                # The first may be pending no longer. Where none of them is the first pending one, it is out of force.
                gone = _place_of(pending[:1], left)
                block.skip += gone
                left = left[gone:]
                if not left:
                    continue
            there = pending[covered : covered + len(left)]
            if len(there) < len(left) or not all(map(is_, left, there)):
                break
            kept.append(block)
            covered += len(left)
        if len(kept) < len(self.blocks):
            ids = {block.id for block in kept}
            self.retired += [block.retired() for block in self.blocks if block.id not in ids]
            self.blocks = kept
        return covered

    def seal(self, items: list[Pending], offset: int) -> Entry:
        """Put touchpoints into a new block, at the offset of the customer's entry; return its id and value."""
        data = packed(StoredBlock(FORMAT, items))
        block_id = offset.to_bytes(OFFSET_BYTES, "big") + blake2b(data, digest_size=DIGEST_BYTES).digest()
        self.blocks.append(Block(block_id, data, len(items), items[-1].key, items=items))
        return block_id, data

    def take_spent(self, offset: int, pending: Sequence[Pending]) -> list[bytes]:
        """Return the ids of retired blocks that no entry of the customer at an offset, or behind it, can name."""
        spent = {one.id: None for one in self.retired if _is_spent(one, offset, pending)}
        if spent:
            self.retired = [one for one in self.retired if one.id not in spent]
        return list(spent)


class PendingBlocks:
    """The blocks of a partition's customers.

    Args:
        block_bytes: about how large a block is.

    Attributes:
        stored: the customers with blocks, in force or not. Asked for every customer, it is a plain dictionary.
    """

    def __init__(self, block_bytes: int) -> None:
        self._block_bytes = block_bytes
        self.stored: dict[str, Stored] = {}
        self._found: dict[str, dict[bytes, Block]] = {}
        self._sealed: list[Entry] = []
        self._spent: list[bytes] = []
        self._erased: list[bytes] = []

    def size(self, customer_key: str) -> int:
        """Return the bytes of a customer's blocks in force."""
        stored = self.stored.get(customer_key)
        return stored.size if stored is not None else 0

    # -- restoring -------------------------------------------------------------------------------------------------

    def restore(self, name: bytes, value: bytes) -> None:
        """Take a block of the changelog.

        Raises:
            StateFormatError: another release has written it.
            msgspec.MsgspecError: it cannot be read.
        """
        customer_key, block_id = name[:-ID_BYTES].decode(), name[-ID_BYTES:]
        stored = _blocks.decode(value)
        check_format(stored.format, "a block of a customer's touchpoints")
        if not stored.pending:
            raise msgspec.ValidationError("a block without touchpoints")
        block = Block(block_id, value, len(stored.pending), stored.pending[-1].key)
        self._found.setdefault(customer_key, {})[block_id] = block

    def restore_tombstone(self, name: bytes) -> None:
        """Take note that a block is deleted: no entry that holds names it."""
        self._found.get(name[:-ID_BYTES].decode(), {}).pop(name[-ID_BYTES:], None)

    def has(self, customer_key: str, references: Sequence[BlockReference]) -> bool:
        """Return whether all blocks that a customer's entry names are there, once all entries are."""
        found = self._found.get(customer_key, {})
        there = {one.id for one in references if one.id in found and 0 <= one.skip < one.count == found[one.id].count}
        return len(there) == len(references)

    def take(self, customer_key: str, references: Sequence[BlockReference]) -> None:
        """Let the blocks that a customer's entry names be in force; all of them have to be there."""
        found = self._found[customer_key]
        stored = self.stored[customer_key] = Stored()
        for one in references:
            block = found.pop(one.id)
            block.skip = one.skip
            stored.blocks.append(block)
        stored.size = sum(len(block.data) for block in stored.blocks)

    def forget_erased(self, customer_key: str, offset: int) -> None:
        """Let the blocks be deleted that were found of a customer who was erased at an offset."""
        found = self._found.get(customer_key, {})
        for block_id in [block_id for block_id in found if _sealed_at(block_id) < offset]:
            self._erased.append(_name(customer_key, block_id))
            del found[block_id]

    def left_over(self) -> list[str]:
        """Return the customers of whom blocks were found that their entries do not name."""
        self._found = {customer_key: found for customer_key, found in self._found.items() if found}
        return list(self._found)

    def retire_left_over(self, customer_key: str, timeline: CustomerTimeline) -> None:
        """Retire what was found of a customer and is not in force.

        Args:
            timeline: the customer's; of one without an entry an empty one, with the offset of the position.
        """
        stored = self.stored.setdefault(customer_key, Stored())
        stored.retired += [block.retired() for block in self._found.pop(customer_key).values()]
        self._spend(customer_key, stored, timeline)

    # -- reading and writing ---------------------------------------------------------------------------------------

    def join(self, customer_key: str, timeline: CustomerTimeline) -> None:
        """Put the touchpoints that are in blocks before those that a customer's entry has."""
        stored = self.stored.get(customer_key)
        if stored is not None:
            timeline.pending[:0] = [one for block in stored.blocks for one in block.left]

    def let_go(self) -> None:
        """Keep no touchpoints decoded: no customer is."""
        for stored in self.stored.values():
            for block in stored.blocks:
                block.items = None

    def store(self, customer_key: str, timeline: CustomerTimeline) -> bytes:
        """Return the entry of a customer. It is to be written behind the new blocks, which `take_sealed` has.

        What is no longer needed with this entry is deleted in the next flush, when the entry is in the changelog.
        """
        stored = self.stored.setdefault(customer_key, Stored())
        covered = stored.keep(timeline.pending)
        if sum(one.size for one in stored.retired) <= RETIRED_MAX_BYTES:
            for items in self._sealable(timeline, covered):
                block_id, data = stored.seal(items, timeline.offset)
                self._sealed.append((_name(customer_key, block_id), data))
                covered += len(items)
        stored.size = sum(len(block.data) for block in stored.blocks)
        self._spend(customer_key, stored, timeline)
        if not stored.blocks:
            return packed(timeline)
        fields = list(msgspec.structs.astuple(timeline))
        fields[PENDING] = timeline.pending[covered:]
        references = [BlockReference(block.id, block.skip, block.count) for block in stored.blocks]
        return packed([*fields, references])

    def erase(self, customer_key: str, offset: int) -> None:
        """Let a customer's blocks be deleted from before an offset, at which the customer is erased."""
        stored = self.stored.pop(customer_key, None)
        if stored is None:
            return
        known = [*stored.retired, *(block.retired() for block in stored.blocks)]
        self._erased += [_name(customer_key, one.id) for one in known if _sealed_at(one.id) < offset]
        later = [one for one in known if _sealed_at(one.id) >= offset]
        if later:
            self.stored[customer_key] = Stored(retired=later)

    def take_sealed(self) -> list[Entry]:
        """Return the blocks that are new since this was last asked."""
        sealed, self._sealed = self._sealed, []
        return sealed

    def take_spent(self) -> list[bytes]:
        """Return the keys of what the entries that are in the changelog do not need, since this was last asked.

        To be asked before anything is stored for this flush.
        """
        spent, self._spent = self._spent, []
        return spent

    def take_erased(self) -> list[bytes]:
        """Return the keys of the blocks of those who are erased since this was last asked."""
        erased, self._erased = self._erased, []
        return erased

    def _sealable(self, timeline: CustomerTimeline, place: int) -> Iterator[list[Pending]]:
        """Yield the pending touchpoints from a place on that fill a block: they are applied, and change no more."""
        items: list[Pending] = []
        size = 0
        for one in timeline.pending[place : timeline.applied]:
            if one.is_large:
                return
            items.append(one)
            size += one.size
            if size >= self._block_bytes:
                yield items
                items, size = [], 0

    def _spend(self, customer_key: str, stored: Stored, timeline: CustomerTimeline) -> None:
        """Let what no entry from this one on can name be deleted, once it is in the changelog."""
        self._spent += [_name(customer_key, one) for one in stored.take_spent(timeline.offset, timeline.pending)]
        if not (stored.blocks or stored.retired):
            del self.stored[customer_key]


def missing(customer: str) -> StateFormatError:
    """Return the error of an entry that names blocks which are not there."""
    return StateFormatError(
        f"a customer's state in journeys.state.v1 names a block of touchpoints that is not there ({customer}): "
        "something else has deleted it. Build the state anew: docs/operating.md#rebuilding"
    )


def parts_of(name: bytes) -> tuple[bytes, int]:
    """Return whose a block is, and at which offset it was sealed, by its name in the changelog."""
    return name[:-ID_BYTES], _sealed_at(name[-ID_BYTES:])


def _name(customer_key: str, block_id: bytes) -> bytes:
    return customer_key.encode() + block_id


def _sealed_at(block_id: bytes) -> int:
    return int.from_bytes(block_id[:OFFSET_BYTES], "big")


def _place_of(first: Sequence[Pending], items: list[Pending]) -> int:
    """Return how many items are before the only one of a sequence; all where it is not among them."""
    for place, one in enumerate(items if first else ()):
        if one is first[0]:
            return place
    return len(items)


def _is_spent(one: Retired, offset: int, pending: Sequence[Pending]) -> bool:
    """Return whether a block was sealed by an offset, and its last touchpoint is pending no longer then."""
    if _sealed_at(one.id) > offset:
        return False
    place = bisect_left(pending, one.last, key=key_of)
    return place == len(pending) or pending[place].key != one.last
