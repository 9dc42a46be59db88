"""The machines, in the order in which they see a touchpoint: the one list that a new machine is entered in."""

from __future__ import annotations

from schemas.kinds.touchpoint import Touchpoint
from streams.journeys.calls import Calls
from streams.journeys.carts import Carts
from streams.journeys.cases import Cases
from streams.journeys.effects import Effects
from streams.journeys.follow_ups import FollowUps
from streams.journeys.machine import Handler, Machine
from streams.journeys.purchases import Purchases
from streams.journeys.responses import Responses
from streams.journeys.state import CustomerState
from streams.journeys.surveys import Surveys

KEPT_A_UNIT = 128
"""Things that are looked through with one unit of work (see `Effects.work`)."""

MACHINES: tuple[Machine, ...] = (
    Purchases(),
    Carts(),
    Calls(),
    Surveys(),
    Cases(),
    Responses(),
    FollowUps(),
)


def _handlers() -> dict[type[Touchpoint], tuple[Handler, ...]]:
    found: dict[type[Touchpoint], tuple[Handler, ...]] = {}
    for machine in MACHINES:
        for touchpoint_type, handler in machine.handlers().items():
            found[touchpoint_type] = (*found.get(touchpoint_type, ()), handler)
    return found


def _overriding(method: str) -> tuple[Machine, ...]:
    """Return the machines that do something in a method: asking the others would cost every event."""
    return tuple(machine for machine in MACHINES if getattr(type(machine), method) is not getattr(Machine, method))


HANDLERS: dict[type[Touchpoint], tuple[Handler, ...]] = _handlers()
"""What applies a touchpoint of a type, in order."""
WATCHFUL: tuple[Machine, ...] = _overriding("watch")
TIMED: tuple[Machine, ...] = _overriding("next_deadline")
FORGETFUL: tuple[Machine, ...] = _overriding("forget")
OWNERS: dict[str, tuple[Machine, ...]] = {
    table: tuple(machine for machine in MACHINES if table in machine.tables)
    for table in sorted({table for machine in MACHINES for table in machine.tables})
}
"""The machines that put rows of a table among the effects."""


def forget(customer: CustomerState, now: int, effects: Effects) -> None:
    """Let all machines drop what is over at `now` (ms), and count where something more had to go."""
    for machine in FORGETFUL:
        if machine.forget(customer, now):
            effects.trimmed.append("kept")
