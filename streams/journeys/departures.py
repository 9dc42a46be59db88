"""When things of a stated key leave for its owner, in the key's own timeline, and how they get into the owner's.

A parting stands in the timeline at the moment from which on somebody else owns the key. It is put there, and taken out
again, by who owns it now. What leaves by it is sent as soon as it is known, and sent again where it changes: what came
last takes the place of what came before.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from schemas import journey_log
from schemas.transfers import Adopted, Parted, transfer
from streams.journeys.customer_timeline import CustomerTimeline, staying
from streams.journeys.moves import Sender
from streams.journeys.ownership import Ownership
from streams.journeys.parting import Departure
from streams.journeys.pending import PARTED_RANK, Pending, pending_transfer
from streams.journeys.step_context import StepContext


def send(departures: Iterable[Departure], sender: Sender) -> None:
    """Send to their owners what leaves, and take back what does not leave any more."""
    for one in departures:
        # No touchpoint's: these begin with an event id, which is never empty.
        event_id = f"\0adopted {one.at} {one.part} {one.profile}"
        if one.deleted:
            sender.withdraw(one.owner, [event_id])
        else:
            adopted = transfer(Adopted, one.profile, event_id, one.at, things=one.things)
            sender.send(journey_log.encode(adopted), one.owner)


def placed(adopted: Adopted, timeline: CustomerTimeline, context: StepContext) -> tuple[Adopted, Pending]:
    """Return what its owner adopts with its place in the owner's timeline, and as it is kept there.

    Where the owner has folded what happened since, it is put behind that: things never disappear.
    """
    at = max(adopted.occurred_at, _earliest(timeline, context))
    found = replace(adopted, occurred_at=at)
    return found, pending_transfer(found)


def partings_of(ownership: Ownership, customer_key: str) -> dict[str, Parted]:
    """Return, by event id, when a key becomes another's: when it is first owned; none where nothing is known of things.

    What has an owner never is its own again, and what happens then in its own timeline is nobody else's.
    """
    if not ownership.adopted_since:
        return {}
    since, owner, began = ownership.since[0], ownership.owners[0], ownership.adopted_since[0]
    # With what an event id never has: a touchpoint has another.
    event_id = f"\0parted {since} {owner}"
    return {event_id: transfer(Parted, customer_key, event_id, since, owner=owner, began=began)}


def outdated(timeline: CustomerTimeline, customer_key: str, settled_before: int) -> list[str]:
    """Return the event ids of the partings in a timeline that its owners say no more.

    Those from before a time (ms) stay: their owners may have folded what has left.
    """
    wanted = partings_of(timeline.ownership, customer_key) if timeline.ownership is not None else {}
    movable = (one.event_id for one in _partings(timeline) if one.occurred_at >= settled_before)
    return [event_id for event_id in movable if event_id not in wanted]


def missing(
    timeline: CustomerTimeline, customer_key: str, known: Ownership | None, context: StepContext
) -> list[tuple[Parted, Pending]]:
    """Return the partings that a timeline has to have and has not, each as it is kept.

    None is missing where nothing stays before it.
    One whose time is settled is not missing unless it is new: it is there, folded, or nothing was to leave.

    Args:
        known: the owners up to now.
    """
    ownership = timeline.ownership
    if ownership is None:
        return []
    earliest = _earliest(timeline, context)
    before = partings_of(known, customer_key) if known is not None else {}
    wanted = {
        event_id: one
        for event_id, one in partings_of(ownership, customer_key).items()
        if event_id not in before or one.occurred_at >= earliest
    }
    if not wanted:
        return []
    there = staying(timeline)
    kept = (one.occurred_at for one in there.values() if one.rank != PARTED_RANK)
    # Of whoever was erased nothing of before that is kept, not even where they parted from nothing.
    first = 0 if timeline.snapshot else min(kept, default=None)
    found = []
    for event_id, one in wanted.items():
        at = max(one.occurred_at, earliest)
        if event_id not in there and first is not None and first <= at:
            parted = replace(one, occurred_at=at)
            found.append((parted, pending_transfer(parted, ahead=at > context.time)))
    return found


def _earliest(timeline: CustomerTimeline, context: StepContext) -> int:
    """Return the earliest time (ms) at which something can still be put into a timeline."""
    return max(context.settled_before, timeline.folded_up_to[0] + 1)


def _partings(timeline: CustomerTimeline) -> list[Pending]:
    return [one for one in staying(timeline).values() if one.rank == PARTED_RANK]
