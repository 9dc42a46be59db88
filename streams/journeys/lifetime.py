"""How long an anonymous profile lives: what comes after its end begins a new one, as if it had never been there.

It is over when it has been silent for long and has no open case. That goes by event time alone, as the end of a journey
does, so it is the same in any order of arrival. A customer who is known by name has no end.
"""

from __future__ import annotations

from schemas.identifiers import ANONYMOUS
from streams.journeys.rules import Rules
from streams.journeys.state import NEVER, CustomerState


def ends_at(customer: CustomerState, customer_id: str, rules: Rules) -> int:
    """Return the last moment (ms) of a profile as it is, `NEVER` where it has none."""
    if customer.journey is not None or customer.cases or not customer.touchpoints:
        return NEVER
    return customer.last_seen_at + rules.profile_retention_ms if customer_id.startswith(ANONYMOUS) else NEVER


def begin_anew(customer: CustomerState) -> None:
    """Forget all of a profile."""
    fresh = CustomerState()
    for name in CustomerState.__struct_fields__:
        setattr(customer, name, getattr(fresh, name))
