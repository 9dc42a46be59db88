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


def correct(begun: bytes, before: Folded, after: Folded, effects: Effects, known_at: int) -> None:
    """Add to `effects` what turns the rows and sums of one fold into those of another.

    Args:
        begun: the state, encoded, with which both have begun.
        known_at: up to when timers were due when the difference came to be known, ms.
    """
    (old, was), (current, now) = before, after
    _add_current_journey(old, was)
    _add_current_journey(current, now)
    effects.touchpoints.update(_changed(was.touchpoints, now.touchpoints))
    effects.journeys.update(_changed(was.journeys, now.journeys))
    for journey_id in was.journeys.keys() - now.journeys.keys():
        effects.journeys[journey_id] = replace(was.journeys[journey_id], deleted=True)
    for table in sorted(was.entities.keys() | now.entities.keys()):
        corrected = _corrected(table, begun, current, was.entities.get(table, {}), now.entities.get(table, {}), effects)
        for key, row in corrected.items():
            # What is corrected may be of a later moment than what corrects it.
            of_either = (one.moments.get((table, key), 0) for one in (was, now))
            effects.put(table, key, row, max(known_at, *of_either))
    effects.deltas.extend(difference(was.deltas, now.deltas))


def _add_current_journey(customer: CustomerState, effects: Effects) -> None:
    if customer.journey is not None:
        row = journey_row(customer.journey, None, effects)
        effects.journeys[row.journey_id] = row


def _corrected(table: str, begun: bytes, current: CustomerState, was: Rows, now: Rows, effects: Effects) -> Rows:
    """Return the rows of a table that are no longer what they were."""
    corrected = _changed(was, now)
    left = sorted(was.keys() - now.keys())
    if not left:
        return corrected
    # The new fold leaves them untouched: they are as the folds found them, or they never were. The state in which the
    # new fold ends tells, and where it has forgotten them, the one with which it began.
    kept = _reported(table, left, current, effects)
    missing = [key for key in left if key not in kept]
    if missing:
        kept |= _reported(table, missing, decode_state(begun), effects)
    corrected |= {key: kept.get(key) or _deleted(was[key]) for key in left}
    return corrected


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
