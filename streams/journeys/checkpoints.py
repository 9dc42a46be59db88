"""Checkpoints: a customer's state amid the pending touchpoints, so that a recomputation need not begin at the snapshot.

A checkpoint is no state: it can be made again of the snapshot at any time, and is, after a restart. What is kept of it
in the changelog is its place, for that decides when a recomputation is dear (see `streams.journeys.timeline`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.rows import Row
from streams.journeys.effects import Effects, EntityKey

CHECKPOINTS_MAX = 64
"""Checkpoints that a partition keeps: of more, the one made first goes."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A fold of the first pending touchpoints.

    Attributes:
        count: how many.
        state: the state after the last of them, encoded, before the timers that follow it.
        entities: the rows that the fold has led to: what is no longer in the state then may be put back as it was.
    """

    count: int
    state: bytes
    entities: dict[str, dict[EntityKey, Row]] = field(default_factory=dict)

    def effects(self, effects: Effects) -> Effects:
        """Return effects of the same customer that begin with the checkpoint's rows."""
        begun = effects.fresh()
        begun.entities = {table: dict(rows) for table, rows in self.entities.items()}
        return begun


class Checkpoints:
    """The checkpoints of a partition's customers, one each at most."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, Checkpoint]] = {}

    def find(self, customer_id: str, since: object, count: int) -> Checkpoint | None:
        """Return a customer's checkpoint after `count` pending touchpoints; None where it is not kept.

        Args:
            since: what names the snapshot before them.
        """
        known = self._known.get(customer_id)
        return known[1] if known is not None and known[0] == since and known[1].count == count else None

    def keep(self, customer_id: str, since: object, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint instead of the customer's last one."""
        self._known.pop(customer_id, None)
        self._known[customer_id] = (since, checkpoint)
        if len(self._known) > CHECKPOINTS_MAX:
            del self._known[next(iter(self._known))]

    def forget(self, customer_id: str) -> None:
        """Keep no checkpoint of a customer."""
        self._known.pop(customer_id, None)
