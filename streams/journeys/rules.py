"""What the operator decides about journeys."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.follow_ups import FollowUpRules
from schemas.kinds.touchpoint import Touchpoint
from schemas.units import DAY_MS, MINUTE_MS


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that the journeys follow.

    Attributes:
        timer_delay_ms: how far behind the partition's time timers fire.
        allowed_lateness_ms: how far behind it a touchpoint may come and still be put in its place.
        profile_retention_ms: how long an anonymous profile may be silent before it is over.
        moved_ms: how long before a link a touchpoint may have happened and still be moved to the owner's journeys.
        dimensions: the attributes metrics are kept for; None keeps all.
        dimension_values: values of one dimension and day, on one log partition, that have buckets of their own.
        epoch: generation of the journeys log; a higher one's rows cover a lower one's.
        signalled_until: up to when what happened was signalled before this log was made anew, ms.
        order_source: the source whose statements of an order hold against later ones of others, "" for none.
        follow_ups: for which reasons somebody has to get back to a customer, by when, and who.
    """

    timer_delay_ms: int = 5 * MINUTE_MS
    allowed_lateness_ms: int = 3 * DAY_MS
    moved_ms: int = 0
    profile_retention_ms: int = 90 * DAY_MS
    dimensions: frozenset[str] | None = None
    dimension_values: int = 1_000
    epoch: int = 0
    signalled_until: int = 0
    order_source: str = ""
    follow_ups: FollowUpRules = field(default_factory=FollowUpRules)

    def is_ahead(self, touchpoint: Touchpoint) -> bool:
        """Return whether a touchpoint claims to have happened well after it was received: a clock is wrong."""
        return touchpoint.occurred_at > touchpoint.received_at + self.timer_delay_ms
