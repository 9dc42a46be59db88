"""Moves of a stated key's touchpoints: to their owner as they come, and to another one when links say so.

Everything here happens in the log partition of the stated key. It sends records to the partitions of the owners; their
order and their numbers follow from the log alone, so that what is sent again after a crash is known there, and passed
over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import Moved, Owners, Withdrawn
from schemas.kinds.touchpoint import Touchpoint
from schemas.subjects import SubjectStated
from schemas.versions import MOVES_MAX
from streams.journeys.customer_timeline import CustomerTimeline, staying
from streams.journeys.output import Output
from streams.journeys.ownership import ForwardedTouchpoint, Ownership
from streams.journeys.pending import Pending, pending_of, touchpoint_in
from streams.journeys.subjects import Subject

_INDEX_BITS = 20
"""A record of the log has fewer touchpoints and things moved than this many bits count."""
AT_ONCE = 100
"""So many touchpoints are moved before others have a turn."""


class Change(NamedTuple):
    """What new owners of a stated key bring about in the key's own timeline.

    Attributes:
        left: the timeline ids of the touchpoints that leave it.
        returned: the records of the touchpoints that come back to it, and of what size they were when they were whole,
            if they are not.
    """

    left: list[str]
    returned: list[tuple[bytes, int]]


class Sender:
    """Numbers the records that one record of a partition's log makes it send.

    Args:
        partition: the one that sends.
        offset: of the record in its log.
        output: takes the records.
    """

    def __init__(self, partition: int, offset: int, output: Output) -> None:
        self.offset = offset
        self._partition = partition
        self._number = offset << _INDEX_BITS
        self._output = output

    def move(self, touchpoint: Touchpoint, owner: str, whole_bytes: int, *, more: bool = False) -> bytes:
        """Send a touchpoint to its owner, and say whether more follow; return its record."""
        record = journey_log.encode(touchpoint)
        self.send(record, owner, whole_bytes, more=more)
        return record

    def send(self, record: bytes, owner: str, whole_bytes: int = 0, *, more: bool = False) -> None:
        """Send what is encoded to its owner."""
        moved = Moved(owner, self._partition, self._next(), record, whole_bytes, more)
        self._output.forward(owner, journey_log.encode(moved))

    def withdraw(self, owner: str, timeline_ids: list[str]) -> None:
        """Take touchpoints away from an owner."""
        withdrawn = Withdrawn(owner, self._partition, self._next(), timeline_ids)
        self._output.forward(owner, journey_log.encode(withdrawn))

    def _next(self) -> int:
        self._number += 1
        return self._number


def forward(
    ownership: Ownership,
    touchpoint: Touchpoint,
    owner: str,
    sender: Sender,
    *,
    ahead: bool,
    whole_bytes: int = 0,
    more: bool = False,
) -> None:
    """Send a touchpoint to its owner, and keep it for the case that the owner changes.

    Args:
        whole_bytes, more: as of `Moved`.
    """
    moved = replace(touchpoint, watermark=0, moves=touchpoint.moves + 1)
    record = sender.move(moved, owner, whole_bytes, more=more)
    kept = pending_of(moved, record, ahead=ahead, whole_bytes=whole_bytes)
    if kept.is_large:
        # As in a timeline: should it move on, its row stays as it was sent when it was whole.
        kept = kept.cut()
    ownership.keep(
        ForwardedTouchpoint(
            occurred_at=moved.occurred_at,
            event_id=moved.event_id,
            timeline_id=kept.event_id,
            fingerprint=moved.fingerprint,
            owner=owner,
            moves=moved.moves,
            record=kept.record,
            whole_bytes=kept.whole_bytes,
            ahead=ahead,
        )
    )


def take_statement(timeline: CustomerTimeline, record: SubjectStated, offset: int) -> list[SubjectStated]:
    """Take what is said of whose a subject is; return what IDENTITY has to be told.

    Args:
        timeline: of the subject's own profile.
        offset: of the record in the log.
    """
    ownership = timeline.ownership or Ownership([], [], -1)
    subject = ownership.subject or Subject()
    if offset <= timeline.offset:
        # The links of it are written, but the position that says so may not be.
        return subject.told(record.customer_key)
    timeline.ownership, ownership.subject, timeline.offset = ownership, subject, offset
    return subject.take(record)


def change_owners(
    timeline: CustomerTimeline, owners: Owners, late_before: int, sender: Sender, change: Change
) -> Iterator[None]:
    """Take new owners of a timeline's key, where they are newer, and send what they own to them.

    The caller may let others have a turn at each yield. All of it has to be taken.

    Args:
        late_before: touchpoints before this time (ms) stay where they are.
        change: is added to.
    """
    known = timeline.ownership
    if known is not None and owners.links_offset <= known.links_offset:
        return
    ownership = Ownership(owners.since, owners.owners, owners.links_offset, by_source=owners.by_source)
    ownership.adopted_since = owners.adopted_since
    if known is not None:
        ownership.forgotten_until, ownership.subject = known.forgotten_until, known.subject
    timeline.ownership = ownership
    if known is not None:
        yield from _move_on(known, ownership, owners.customer_key, late_before, sender, change.returned)
    leaving: list[tuple[Pending, Touchpoint, str]] = []
    for number, one in enumerate(_own(timeline, owners.customer_key), start=1):
        if number % AT_ONCE == 0:
            yield
        owner = _owner_of(one, ownership)
        if owner is None or owner == owners.customer_key or one.occurred_at < late_before:
            continue
        touchpoint = one.touchpoint()
        if touchpoint.moves < MOVES_MAX:
            leaving.append((one, touchpoint, owner))
    last = {owner: number for number, (_, _, owner) in enumerate(leaving, start=1)}
    for number, (one, touchpoint, owner) in enumerate(leaving, start=1):
        if number % AT_ONCE == 0:
            yield
        change.left.append(one.event_id)
        more = number < last[owner]
        forward(ownership, touchpoint, owner, sender, ahead=one.ahead, whole_bytes=one.whole_bytes, more=more)


def _move_on(
    known: Ownership,
    ownership: Ownership,
    customer_key: str,
    late_before: int,
    sender: Sender,
    returned: list[tuple[bytes, int]],
) -> Iterator[None]:
    """Move what was forwarded and has another owner now; add what comes back to its own key to `returned`."""
    withdrawn: dict[str, list[str]] = {}
    moved: list[tuple[ForwardedTouchpoint, str]] = []
    for one in known.forwarded:
        owner = _owner_of(one, ownership) or customer_key
        if one.occurred_at < late_before or one.moves >= MOVES_MAX or owner == one.owner:
            ownership.keep(one)
            continue
        withdrawn.setdefault(one.owner, []).append(one.timeline_id)
        moved.append((one, owner))
    for owner, timeline_ids in withdrawn.items():
        sender.withdraw(owner, timeline_ids)
    last = {owner: number for number, (_, owner) in enumerate(moved, start=1)}
    for number, (one, owner) in enumerate(moved, start=1):
        if number % AT_ONCE == 0:
            yield
        if owner == customer_key:
            touchpoint = replace(touchpoint_in(one.record), moves=one.moves + 1)
            returned.append((journey_log.encode(touchpoint), one.whole_bytes))
        else:
            touchpoint = touchpoint_in(one.record)
            more = number < last[owner]
            forward(ownership, touchpoint, owner, sender, ahead=one.ahead, whole_bytes=one.whole_bytes, more=more)


def _owner_of(one: Pending | ForwardedTouchpoint, ownership: Ownership) -> str | None:
    source = touchpoint_in(one.record).source if ownership.by_source else ""
    return ownership.owner_at(one.occurred_at, source)


def _own(timeline: CustomerTimeline, customer_key: str) -> list[Pending]:
    """Return a timeline's touchpoints that are of its own key, not another's who was found to be the same."""
    return [one for one in staying(timeline).values() if one.event_id.partition("\0")[2] in {"", customer_key}]
