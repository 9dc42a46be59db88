"""Corrections: what turns the rows and sums of one fold of a customer's touchpoints into those of another."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from schemas.rows import Row
from streams.journeys.effects import Effects, EntityKey, difference
from streams.journeys.machines import OWNERS
from streams.journeys.rows import journey_row
from streams.journeys.state import CustomerState, decode_state

K = TypeVar("K")
R = TypeVar("R")
Rows = dict[EntityKey, Row]


class Folded(NamedTuple):
    """What a fold has led to: the customer's state, and the rows and sums."""

    customer: CustomerState
    effects: Effects


def correct(begun: bytes, before: Folded, after: Folded, effects: Effects) -> None:
    """Add to `effects` what turns the rows and sums of one fold into those of another.

    Args:
        begun: the state, encoded, with which both have begun.
    """
    (old, was), (current, now) = before, after
    _add_current_journey(old, was)
    _add_current_journey(current, now)
    effects.touchpoints.update(_changed(was.touchpoints, now.touchpoints))
    effects.journeys.update(_changed(was.journeys, now.journeys))
    for journey_id in was.journeys.keys() - now.journeys.keys():
        effects.journeys[journey_id] = replace(was.journeys[journey_id], deleted=True)
    for table in sorted(was.entities.keys() | now.entities.keys()):
        _correct_table(table, begun, current, was.entities.get(table, {}), now.entities.get(table, {}), effects)
    effects.deltas.extend(difference(was.deltas, now.deltas))


def _add_current_journey(customer: CustomerState, effects: Effects) -> None:
    if customer.journey is not None:
        row = journey_row(customer.journey, None, effects)
        effects.journeys[row.journey_id] = row


def _correct_table(table: str, begun: bytes, current: CustomerState, was: Rows, now: Rows, effects: Effects) -> None:
    for key, row in _changed(was, now).items():
        effects.put(table, key, row)
    left = sorted(was.keys() - now.keys())
    if not left:
        return
    # The new fold leaves them untouched: they are as the folds found them, or they never were. The state in which the
    # new fold ends tells, and where it has forgotten them, the one with which it began.
    kept = _reported(table, left, current, effects)
    missing = [key for key in left if key not in kept]
    if missing:
        kept |= _reported(table, missing, decode_state(begun), effects)
    for key in left:
        effects.put(table, key, kept.get(key) or _deleted(was[key]))


def _reported(table: str, keys: list[EntityKey], customer: CustomerState, effects: Effects) -> Rows:
    """Return rows as a state has them; those that it does not have are missing."""
    reported = effects.fresh()
    for key in keys:
        for machine in OWNERS.get(table, ()):
            machine.report(customer, table, key, reported)
    return reported.entities.get(table, {})


def _deleted(row: Any) -> Any:
    return replace(row, deleted=True)


def _changed(before: dict[K, R], after: dict[K, R]) -> dict[K, R]:
    # Copies: a row gets its version when it is sent, and those of `after` may be a checkpoint's.
    changed: dict[K, Any] = {key: row for key, row in after.items() if before.get(key) != row}
    return {key: replace(row) for key, row in changed.items()}
