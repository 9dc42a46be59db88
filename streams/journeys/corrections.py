"""Corrections: what turns the rows and sums of one fold of a customer's touchpoints into those of another."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec.structs import replace

from streams.journeys.effects import Effects, difference
from streams.journeys.machines import OWNERS
from streams.journeys.rows import journey_row
from streams.journeys.state import CustomerState

K = TypeVar("K")
R = TypeVar("R")


def correct(old: CustomerState, before: Effects, current: CustomerState, after: Effects, effects: Effects) -> None:
    """Add to `effects` what turns the rows and sums of `before` into those of `after`.

    Args:
        old: the state to which the first fold has led.
        current: the state to which the second one has led.
    """
    _add_current_journey(old, before)
    _add_current_journey(current, after)
    effects.touchpoints.update(_changed(before.touchpoints, after.touchpoints))
    effects.journeys.update(_changed(before.journeys, after.journeys))
    for journey_id in before.journeys.keys() - after.journeys.keys():
        effects.journeys[journey_id] = replace(before.journeys[journey_id], deleted=True)
    for table in sorted(before.entities.keys() | after.entities.keys()):
        _correct_table(table, current, before, after, effects)
    effects.deltas.extend(difference(before.deltas, after.deltas))


def _add_current_journey(customer: CustomerState, effects: Effects) -> None:
    if customer.journey is not None:
        row = journey_row(customer.journey, None, effects)
        effects.journeys[row.journey_id] = row


def _correct_table(table: str, current: CustomerState, before: Effects, after: Effects, effects: Effects) -> None:
    was, now = before.entities.get(table, {}), after.entities.get(table, {})
    for key, row in _changed(was, now).items():
        effects.put(table, key, row)
    for key in sorted(was.keys() - now.keys()):
        # The new fold leaves it untouched: it is as the snapshot had it, or it never was.
        as_kept = effects.fresh()
        for machine in OWNERS.get(table, ()):
            machine.report(current, table, key, as_kept)
        kept = as_kept.entities.get(table, {}).get(key)
        effects.put(table, key, kept or _deleted(was[key]))


def _deleted(row: Any) -> Any:
    return replace(row, deleted=True)


def _changed(before: dict[K, R], after: dict[K, R]) -> dict[K, R]:
    # Copies: a row gets its version when it is sent, and those of `after` may be a checkpoint's.
    changed: dict[K, Any] = {key: row for key, row in after.items() if before.get(key) != row}
    return {key: replace(row) for key, row in changed.items()}
