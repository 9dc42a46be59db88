"""What a machine is: it watches one kind of thing (carts, calls, surveys …) in one customer's touchpoints.

A machine has no state of its own: it reads and changes its part of a `CustomerState`. It sees the touchpoints in
event-time order. Between two touchpoints all timers up to the second one's time have fired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.kinds.touchpoint import Touchpoint
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.state import NEVER, Attribution, CustomerState


class Outcome(NamedTuple):
    """What a machine knows of a touchpoint's experience that the touchpoint alone does not say.

    Attributes:
        experience: how the customer was served, units of 1 / SCALE; None for none.
        is_counted: the machine has counted experience and sentiment itself.
    """

    experience: int | None
    is_counted: bool = False


Handler = Callable[[CustomerState, Any, Attribution, Effects], Outcome | None]
"""Applies a touchpoint of one type: `handler(customer, touchpoint, attribution, effects)`.

While it runs, `customer.journey` is the journey that the touchpoint belongs to. It returns None where the touchpoint's
experience is what the touchpoint says on its own.
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

    def watch(
        self,
        _customer: CustomerState,
        _touchpoint: Any,
        _attribution: Attribution,
        _experience: int | None,
        _effects: Effects,
    ) -> None:
        """Look at a touchpoint of any type when all machines have applied it, and its experience is known."""

    def next_deadline(self, _customer: CustomerState) -> int:
        """Return the earliest time (ms) at which `on_deadline` has something to do, or `NEVER`."""
        return NEVER

    def on_deadline(self, _customer: CustomerState, _at: int, _effects: Effects) -> None:
        """Do what is due at exactly `_at`, ms."""

    def forget(self, _customer: CustomerState, _now: int) -> int:
        """Drop what nothing can happen to any more at `_now`, ms, and what exceeds `KEPT_MAX`; return how many did."""
        return 0

    def kept(self, _customer: CustomerState) -> dict[str, Any]:
        """Return what the machine keeps of a customer, the oldest first."""
        return {}

    def shed(self, customer: CustomerState) -> None:
        """Drop the older half of what is kept, for the customer's state has outgrown its bound (see `bounds`)."""
        kept = self.kept(customer)
        drop_oldest(kept, len(kept) // 2)

    def report(self, _customer: CustomerState, _table: str, _key: EntityKey, _effects: Effects) -> None:
        """Put an entity's row among the effects as the state has it; nothing where the state does not have it.

        Called where a late touchpoint made the recomputation leave an entity untouched that had a row before.
        """


def drop_oldest(kept: dict[str, Any], most: int = KEPT_MAX) -> int:
    """Keep the newest `most` entries; return how many went."""
    dropped = 0
    while len(kept) > most:
        del kept[next(iter(kept))]
        dropped += 1
    return dropped
