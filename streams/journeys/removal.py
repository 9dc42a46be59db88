"""Removals: what they change among the touchpoints of a timeline. The states are for a recomputation to change.

A touchpoint that a state holds, or that a recomputation under way puts in its place, stays until the next recomputation
leaves it out: a tombstone with its key is displaced, as a late touchpoint would be. All others leave at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.journeys.customer_timeline import CustomerTimeline, staying
from streams.journeys.pending import Pending, key_of, tombstone_of
from streams.journeys.state import NEVER


class Removal(NamedTuple):
    """What is to leave a timeline.

    Attributes:
        found: those that leave.
        missing: the event ids of those that are not pending, or no longer.
        tombstones: to be displaced, of those that cannot leave at once; the timeline's bytes have them already.
    """

    found: list[Pending]
    missing: list[str]
    tombstones: list[Pending]


def take_out(timeline: CustomerTimeline, event_ids: Iterable[str]) -> Removal:
    """Take out the touchpoints that are displaced, and return what becomes of the others."""
    known = staying(timeline)
    removal = Removal([], [], [])
    for event_id in dict.fromkeys(event_ids):
        if event_id in known:
            removal.found.append(known[event_id])
        else:
            removal.missing.append(event_id)
    keys = set(map(key_of, removal.found))
    gone = [one for one in timeline.displaced if one.key in keys and not one.is_tombstone]
    if gone:
        timeline.displaced = [one for one in timeline.displaced if one.key not in keys or one.is_tombstone]
        timeline.discount(gone)
        keys.difference_update(map(key_of, gone))
    removal.tombstones.extend(tombstone_of(one) for one in removal.found if one.key in keys)
    timeline.pending_bytes += sum(one.size for one in removal.tombstones)
    return removal


def drop_waiting(timeline: CustomerTimeline) -> None:
    """Take out the pending touchpoints that are not applied yet and have a tombstone, and their tombstones."""
    keys = {one.key for one in timeline.displaced if one.is_tombstone}
    gone = [one for one in timeline.pending[timeline.applied :] if one.key in keys]
    if gone:
        keys = {one.key for one in gone}
        timeline.pending[timeline.applied :] = [
            one for one in timeline.pending[timeline.applied :] if one.key not in keys
        ]
        spent = [one for one in timeline.displaced if one.key in keys and one.is_tombstone]
        timeline.displaced = [one for one in timeline.displaced if one.key not in keys or not one.is_tombstone]
        timeline.discount([*gone, *spent])
    if not timeline.displaced:
        timeline.recompute_at = NEVER


def settle_moved(timeline: CustomerTimeline) -> None:
    """Let the pending touchpoints be those that a recomputation, now at its end, has applied and left waiting."""
    tombstones = [one for one in timeline.moved if one.is_tombstone]
    keys = {one.key for one in tombstones}
    gone = [one for one in timeline.pending if one.key in keys]
    stayed = [one for one in timeline.pending if one.key not in keys]
    timeline.pending = sorted([*stayed, *(one for one in timeline.moved if not one.is_tombstone)], key=key_of)
    timeline.discount([*gone, *tombstones])
    timeline.moved = []
