"""What a customer's state may grow to, and what goes where it would outgrow that: the oldest of what takes most.

A state has to fit into a message of the changelog, whatever a robot sends. To encode it at every touchpoint would cost
too much. So the state carries a number of bytes that it surely does not exceed, which each touchpoint raises by what it
can add. Only where that number passes the bound is the state measured, and trimmed if it really is too large. All of
it is a function of the touchpoints in their order, as the fold is: a replay trims the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from streams.journeys import experience
from streams.journeys.effects import Effects
from streams.journeys.machines import MACHINES
from streams.journeys.state import STATE_MAX_BYTES, CustomerState, encode_state

TRIMMED_FROM_BYTES = STATE_MAX_BYTES * 7 // 8
TRIMMED_TO_BYTES = STATE_MAX_BYTES * 3 // 4
"""What a state is trimmed from, and to. A state just below its bound would be measured at every touchpoint; so it is
trimmed a little before, and then grows for a while until it is measured again."""
COPIES = 6
"""How often a state holds what a touchpoint says at most: the id of a response, in the response, as that of the last
NPS, among a journey's first and last experiences, and in a follow-up; and once more where it may turn its customer."""
TOUCHPOINT_BYTES = 1_536
"""More than a touchpoint adds to a state besides: the numbers and short words of two follow-ups, with their owners, and
of a cart and an order, or the like."""
TIMERS_BYTES = 128
"""More than its timers add to a thing that is kept: when it was abandoned, and as what; when it warned."""

BYTES_A_UNIT = 8 << 10
"""Bytes of a state that are encoded with one unit of work (see `Effects.work`)."""

_encode = msgspec.msgpack.Encoder().encode


class Part(NamedTuple):
    """A part of a state that can be made smaller: what is kept in it, and what drops the older half of that."""

    kept: Callable[[CustomerState], Any]
    shed: Callable[[CustomerState], None]


def _experiences(customer: CustomerState) -> object:
    journey = customer.journey
    return None if journey is None else (journey.first_experiences, journey.last_experiences)


def _settle_experiences(customer: CustomerState) -> None:
    if customer.journey is not None:
        experience.settle(customer.journey)


def _shed_observations(customer: CustomerState) -> None:
    customer.observations = customer.observations[(len(customer.observations) + 1) // 2 :]


def _shed_acts(customer: CustomerState) -> None:
    customer.acts = customer.acts[(len(customer.acts) + 1) // 2 :]


PARTS: tuple[Part, ...] = (
    *(Part(machine.kept, machine.shed) for machine in MACHINES),
    Part(lambda customer: customer.observations, _shed_observations),
    Part(lambda customer: customer.acts, _shed_acts),
    Part(_experiences, _settle_experiences),
)


def trim(customer: CustomerState, effects: Effects) -> None:
    """Measure a state, and drop the older half of its largest part until it is small enough, where it is too large."""
    size = len(encode_state(customer))
    effects.work += size // BYTES_A_UNIT
    if size > TRIMMED_FROM_BYTES:
        effects.trimmed.append("state")
        size = _trimmed(customer, size, effects)
    things = customer.kept + (len(customer.follow_ups.running) if customer.follow_ups is not None else 0)
    customer.most_bytes = size + TIMERS_BYTES * things


def _trimmed(customer: CustomerState, size: int, effects: Effects) -> int:
    while size > TRIMMED_TO_BYTES:
        # Once its parts, and once what is left of it.
        effects.work += 2 * size // BYTES_A_UNIT
        largest = max(PARTS, key=lambda part: len(_encode(part.kept(customer))))
        largest.shed(customer)
        before, size = size, len(encode_state(customer))
        if size >= before:
            break
    return size
