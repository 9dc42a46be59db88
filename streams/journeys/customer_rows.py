"""The rows and signals of a customer that a flush sends."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from schemas.rows import Row
from schemas.versions import MOVES, ON_TIME, row_version
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.effects import Effects
from streams.journeys.output import Output, hashed
from streams.journeys.rows import customer_row, journey_row
from streams.journeys.rules import Rules
from streams.journeys.signals import SIGNALS


def add_rows(output: Output, timeline: CustomerTimeline, effects: Effects, rules: Rules, *, below: int = 0) -> None:
    """Add a customer's rows and signals to an output.

    Args:
        below: by how much the version of the customer's own row is lower than that of the others.
    """
    version = row_version(rules.epoch, timeline.offset)
    facts, current = output.facts, timeline.current
    output.counts["timers"] += effects.timers
    output.trimmed.update(effects.trimmed)
    output.counts["recomputations"] += effects.recomputations
    if effects.folded_early:
        output.folded_early[hashed(effects.customer_id)] = effects.folded_early
    if current.journey is not None:
        row = journey_row(current.journey, None, effects)
        effects.journeys[row.journey_id] = row
    facts["touchpoints"] += touchpoint_rows(effects, version)
    _give(facts["journeys"], effects.journeys.values(), version)
    for table, entities in effects.entities.items():
        _give(facts.setdefault(table, []), entities.values(), version)
        if (signal_of := SIGNALS.get(table)) is not None:
            for key, entity in entities.items():
                signal = signal_of(entity)
                if effects.moments[table, key] > rules.signalled_until:
                    output.signals.append(signal)
                else:
                    output.suppressed[signal.topic] += 1
    row_of_customer = customer_row(current, effects.customer_id, deleted=not timeline.has_touchpoints)
    _give(facts["customers"], [row_of_customer], version - below)


def touchpoint_rows(effects: Effects, version: int) -> Collection[Row]:
    """Return the rows of a customer's touchpoints under their version."""
    for touchpoint in effects.touchpoints.values():
        touchpoint.version = ON_TIME | version | touchpoint.version & MOVES
    return effects.touchpoints.values()


def _give(rows: list[Row], changed: Any, version: int) -> None:
    """Append rows under their version."""
    for row in changed:
        row.version = version
        rows.append(row)
