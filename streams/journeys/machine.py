"""What a machine is: it watches one kind of thing (carts, calls, surveys …) in one customer's touchpoints.

A machine has no state of its own: it reads and changes its part of a `CustomerState`. It sees the touchpoints in
event-time order. Between two touchpoints all timers up to the second one's time have fired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.kinds.touchpoint import Touchpoint
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.state import NEVER, Attribution, CustomerState

Handler = Callable[[CustomerState, Any, Attribution, Effects], int | None]
"""Applies a touchpoint of one type: `handler(customer, touchpoint, attribution, effects)`.

It returns what the touchpoint says of how the customer was served, in units of 1 / SCALE, where the machine alone knows
it (a call's end); else None. While it runs, `customer.journey` is the journey that the touchpoint belongs to.
"""

KEPT_MAX = 250
"""Carts, calls, surveys, cases and unanswered questions of one customer that are kept, each: of more, the oldest go.

No person has as many within a month. A till or a robot that counts as one customer must not outgrow a message of the
changelog."""


class Machine:
    """The protocol of a machine. Every method may be left as it is: it then does nothing.

    Attributes:
        tables: the tables whose rows it puts among the effects, by `Effects.put`.
    """

    tables: Sequence[str] = ()

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Return what applies a touchpoint, by the types of touchpoints that the machine wants."""
        return {}

    def next_deadline(self, _customer: CustomerState) -> int:
        """Return the earliest time (ms) at which `on_deadline` has something to do, or `NEVER`."""
        return NEVER

    def on_deadline(self, _customer: CustomerState, _at: int, _effects: Effects) -> None:
        """Do what is due at exactly `_at`, ms."""

    def forget(self, _customer: CustomerState, _now: int) -> None:
        """Drop what nothing can happen to any more at `_now`, ms, and what exceeds `KEPT_MAX`."""

    def report(self, _customer: CustomerState, _table: str, _key: EntityKey, _effects: Effects) -> None:
        """Put an entity's row among the effects as the state has it; nothing where the state does not have it.

        Called where a late touchpoint made the recomputation leave an entity untouched that had a row before.
        """


def drop_oldest(kept: dict[str, Any]) -> None:
    """Keep the newest `KEPT_MAX` entries."""
    while len(kept) > KEPT_MAX:
        del kept[next(iter(kept))]
