"""What is kept of touchpoints that may turn their customer: a part of the customer's state."""

from __future__ import annotations

import msgspec


class Act(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A touchpoint that may turn its customer: what the business did, or what failed (see `causes`).

    Attributes:
        number: greater than those of earlier acts of the customer.
        journey: the number of its journey.
    """

    number: int
    event_id: str
    kind: str
    subject_id: str
    at: int
    journey: int
