"""The steps of journeys: a kind and an action each, under the two characters that journeys keep of a touchpoint."""

from __future__ import annotations

from typing import NamedTuple

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.kind import OTHER_ACTION
from schemas.kinds.touchpoint import Touchpoint


class Step(NamedTuple):
    """A step and its code: the kind's character and the action's; `action` is "" for undeclared actions."""

    code: str
    kind: str
    action: str


STEPS: tuple[Step, ...] = tuple(
    Step(kind.code + code, kind.name, action)
    for kind in TOUCHPOINT_KINDS.values()
    for action, code in [*((action.name, action.code) for action in kind.actions), ("", OTHER_ACTION)]
)
"""Every step, in the order of the declarations."""

_CODES = {(step.kind, step.action): step.code for step in STEPS}
_OTHERS = {step.kind: step.code for step in STEPS if not step.action}


def step_code(touchpoint: Touchpoint) -> str:
    """Return the two characters that stand for a touchpoint in `JourneyRow.path`."""
    kind = touchpoint.kind
    return _CODES.get((kind, touchpoint.action)) or _OTHERS[kind]
