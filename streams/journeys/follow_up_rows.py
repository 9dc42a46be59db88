"""The rows of follow-ups, made of the state."""

from __future__ import annotations

from schemas.rows import FollowUpRow
from streams.journeys.effects import Effects
from streams.journeys.state import FollowUp

TABLE = "follow_ups"


def put_row(reason: str, one: FollowUp, effects: Effects, *, deleted: bool = False) -> None:
    """Put a follow-up's row, as it now is, among the effects; one that waits to be opened has none."""
    if not one.opened_at:
        return
    row = FollowUpRow(
        follow_up_id=one.follow_up_id,
        customer_id=effects.customer_id,
        journey_id=effects.journey_id(one.attribution.journey),
        reason=reason,
        status=one.status,
        happened_at=one.happened_at,
        opened_at=one.opened_at,
        due_at=one.due_at,
        settle_due_at=one.settle_due_at or None,
        warned_at=one.warned_at or None,
        missed_at=one.missed_at or None,
        contacted_at=one.contacted_at or None,
        closed_at=one.closed_at or None,
        causes=one.causes,
        event_id=one.event_id,
        subject_id=one.subject_id,
        topic=one.topic,
        lang=one.lang,
        owner=one.owner,
        value_minor=one.value_minor,
        currency=one.currency,
        experience_before=one.experience_before,
        experience_after=one.experience_after if one.contacted_at or one.status == "settled" else None,
        may_ask=one.may_ask,
        channel=one.attribution.channel,
        attributes=one.attribution.attributes,
        changed_at=one.changed_at,
        previous_customer_id=one.attribution.stated_key,
        deleted=deleted,
        version=0,
    )
    effects.put(TABLE, (one.follow_up_id,), row)
