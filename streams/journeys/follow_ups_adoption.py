"""Adopted follow-ups: what is under way of a profile's goes on as its owner's, who is the one to get back to."""

from __future__ import annotations

from collections.abc import Mapping

from streams.journeys.effects import Effects
from streams.journeys.follow_up_rows import put_row
from streams.journeys.follow_ups import change, kept_of
from streams.journeys.state import CustomerState, FollowUp


def leave(customer: CustomerState, began: int, effects: Effects) -> dict[str, FollowUp]:
    """Take out what is under way and has begun at a time (ms) or later; its rows are deleted: the owner sends them."""
    if customer.follow_ups is None:
        return {}
    running = customer.follow_ups.running
    leaving = {key: one for key, one in running.items() if one.happened_at >= began and not one.closed_at}
    for reason, one in leaving.items():
        put_row(reason, one, effects, deleted=True)
        del running[reason]
    return leaving


def adopt(customer: CustomerState, found: Mapping[str, FollowUp], effects: Effects) -> None:
    """Go on with a profile's follow-ups; of a reason of which the customer has one, that one goes on for both."""
    for reason, one in found.items():
        follow_ups = kept_of(customer)
        running = follow_ups.running
        known = running.get(reason)
        if known is not None and known.follow_up_id == one.follow_up_id:
            continue
        if known is not None and not known.closed_at:
            known.causes += one.causes
            change(reason, known, effects)
        else:
            running[reason] = one
            if reason == "thank_you":
                follow_ups.thanked_at = max(follow_ups.thanked_at, one.happened_at)
            put_row(reason, one, effects)
