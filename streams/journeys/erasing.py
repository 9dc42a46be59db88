"""Erasures in a log partition: who was erased, by digests, and what of a timeline happened only after that.

What a partition keeps of somebody whom it has erased is an entry of its changelog. It holds their touchpoints off that
come later and are older; and after a crash it does what their state did before: records up to its offset are passed
over, as they have been applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from schemas import journey_log
from schemas.erasures import digest_of
from schemas.journey_log import Erased, LogRecord, Moved, Owners, Tick, Touchpoint
from schemas.subjects import SubjectStated
from streams.journeys.customer_timeline import CustomerTimeline, staying
from streams.journeys.formats import FORMAT, check_format
from streams.journeys.moves import Sender
from streams.journeys.output import Entry
from streams.journeys.pending import touchpoint_in

NEVER = -1


class ErasedCustomer(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Somebody who was erased.

    Attributes:
        format: see `streams.journeys.formats`.
        at: what happened up to then is erased, ms.
        offset: of the log's record that says so.
        links_offset: owners that were decided by earlier links hold no longer.
        salt: of the digest that is the entry's key.
    """

    format: int
    at: int
    offset: int
    links_offset: int
    salt: bytes


class Later(NamedTuple):
    """A touchpoint that happened after its customer was erased, and came before: a new profile begins with it.

    Attributes:
        record: encoded.
        whole_bytes: as of a `Pending`.
    """

    record: bytes
    whole_bytes: int


_customers = msgspec.msgpack.Decoder(ErasedCustomer)
_encode = msgspec.msgpack.Encoder().encode


class ErasedCustomers:
    """Who was erased in a partition.

    Attributes:
        until: up to when (ms) something is erased at the latest, `NEVER` without any.
        applied: the last offset at which somebody was erased, `NEVER` without any.
    """

    def __init__(self) -> None:
        self.until = self.applied = NEVER
        self._known: dict[bytes, ErasedCustomer] = {}
        self._salts: dict[bytes, None] = {}
        self._new: dict[bytes, None] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def restore(self, digest: bytes, value: bytes) -> None:
        """Take an entry of the changelog; of two for one digest the higher offset has what both say.

        Raises:
            StateFormatError: another release has written it.
        """
        entry = _customers.decode(value)
        check_format(entry.format, "an erased customer")
        self._take(digest, entry)
        if self._known[digest] == entry:
            self._new.pop(digest, None)
        else:
            # A late worker's is the last: what holds is written behind it.
            self._new[digest] = None

    def add(self, record: Erased, offset: int) -> None:
        """Take the record at an offset of the log that erases somebody."""
        digest = digest_of(record.salt, record.customer_key)
        self._take(digest, ErasedCustomer(FORMAT, record.at, offset, record.links_offset, record.salt))
        self._new[digest] = None

    def find(self, customer_key: str) -> ErasedCustomer | None:
        """Return the erasure of whoever has a stated key, None where there is none."""
        found = None
        for salt in self._salts:
            one = self._known.get(digest_of(salt, customer_key))
            if one is not None:
                found = one if found is None else _both(found, one)
        return found

    def has_applied(self, record: Erased, offset: int) -> bool:
        """Return whether a record at an offset of the log says nothing that an earlier one has not said."""
        known = self.find(record.customer_key)
        return (
            known is not None
            and known.offset < offset
            and known.at >= record.at
            and known.links_offset >= record.links_offset
        )

    def concerned(self, offset: int, record: LogRecord) -> ErasedCustomer | None:
        """Return by whose erasure a record says nothing: it has been applied, or is about what was erased; else None.

        Nothing is looked for where the touchpoint is later than all erasures, as nearly every one is.
        """
        if isinstance(record, (Tick, Erased)):
            return None
        at = None
        if isinstance(record, Touchpoint):
            at = record.occurred_at
            if at > self.until and offset > self.applied:
                return None
        elif isinstance(record, Moved):
            at = touchpoint_in(record.record).occurred_at
        elif isinstance(record, SubjectStated) and record.statement is not None:
            at = record.statement.occurred_at
            stated = self.find(record.statement.stated_key)
            if stated is not None and at <= stated.at:
                return stated
        found = self.find(record.customer_key)
        if found is None:
            return None
        is_older = isinstance(record, Owners) and record.links_offset < found.links_offset
        is_erased = at is not None and at <= found.at
        return found if offset <= found.offset or is_erased or is_older else None

    def flush(self) -> list[Entry]:
        """Return the changelog's entries of whom it has taken since the last flush."""
        entries: list[Entry] = [(digest, _encode(self._known[digest])) for digest in self._new]
        self._new.clear()
        return entries

    def _take(self, digest: bytes, entry: ErasedCustomer) -> None:
        known = self._known.get(digest)
        self._known[digest] = entry if known is None else _both(known, entry)
        self._salts[entry.salt] = None
        self.until = max(self.until, entry.at)
        self.applied = max(self.applied, entry.offset)


def _both(first: ErasedCustomer, second: ErasedCustomer) -> ErasedCustomer:
    """Return what holds by two erasures of one: of two orders the later may be of an earlier time, or be said again."""
    newest = first if first.offset > second.offset else second
    return replace(newest, at=max(first.at, second.at), links_offset=max(first.links_offset, second.links_offset))


def take_later(timeline: CustomerTimeline, record: Erased, sender: Sender) -> Iterator[Later]:
    """Yield what of a timeline that is erased happened later, in its order; take it back from its owners.

    It is the stated key's own: what was moved here has a partition of its own, which does the same.
    """
    own = [
        one
        for one in staying(timeline).values()
        if one.occurred_at > record.at and one.event_id.partition("\0")[2] in {"", record.customer_key}
    ]
    found = {one.key: Later(one.record, one.whole_bytes) for one in own}
    if timeline.ownership is not None:
        forwarded = [one for one in timeline.ownership.forwarded if one.occurred_at > record.at]
        for one in forwarded:
            sender.withdraw(one.owner, [one.timeline_id])
            touchpoint = touchpoint_in(one.record)
            returned = journey_log.encode(replace(touchpoint, moves=one.moves + 1))
            found[one.occurred_at, 0, one.event_id] = Later(returned, one.whole_bytes)
    yield from (found[key] for key in sorted(found))
