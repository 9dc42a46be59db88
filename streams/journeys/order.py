"""The order in which touchpoints of one millisecond are applied: that in which their kinds declare their actions."""

from __future__ import annotations

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint

_RANKS: dict[tuple[str, str], int] = {
    (name, action.name): action.rank for name, kind in TOUCHPOINT_KINDS.items() for action in kind.actions
}


def rank_of_action(kind: str, action: str) -> int:
    """Return the place of what happened among what happens in its millisecond."""
    return _RANKS.get((kind, action), 0)


def rank_of(touchpoint: Touchpoint) -> int:
    """Return a touchpoint's place among those of its millisecond; of equal places, the event id decides."""
    return _RANKS.get((touchpoint.kind, touchpoint.action), 0)
