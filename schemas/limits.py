"""How much a message may hold: the limits of its fields, declared once for intake, its refusals and the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

MESSAGE_BYTES = 1 << 20
"""A larger message is refused whole. It is the only limit of what people write (`UNLIMITED`)."""
MESSAGE_VALUES = 16_000
"""Values of a message: in JSON all fields, those that are not read too, and all entries of lists and maps, whatever it
is wrapped in; in Avro those in lists and maps, an item with its fields. To read a message takes as long as it has them.
A purchase of as many items as there may be, with as many attributes and identifiers, has 8,400."""
SHORT = 256
"""Characters of every text that the tables below do not name: ids, names, channels.

No limit of a field but that of `event_id` is lower: a message of so many bytes can exceed none, and needs no look at
its fields."""
CHARACTERS: dict[str, int] = {"event_id": 128, "about": 1_024, "name": 1_024, "page": 8_192}
"""Characters of the texts that have a limit of their own, by field."""
UNLIMITED = frozenset({"text", "notes"})
"""What people write: as long as the message may be. It is in no customer's state."""


@dataclass(frozen=True)
class MapLimit:
    """The most that a map of texts may hold: entries, the characters of a name and of a value, and of all of them."""

    entries: int
    name: int
    value: int
    together: int = MESSAGE_BYTES


MAPS: dict[str, MapLimit] = {
    "attributes": MapLimit(entries=SHORT, name=SHORT, value=8_192),
    "identifiers": MapLimit(entries=100, name=SHORT, value=1_024, together=16_384),
}
"""The limits of maps, by field."""
OF_A_KIND = 8
"""Identifiers of one kind, however its name is written: each may be looked up in a numbering plan."""
ENTRIES: dict[str, int] = {"items": 2_000}
"""The most entries of lists, by field. The texts in an entry have the limits of all texts."""

LARGEST_AMOUNT = 10**12
"""The greatest amount of money (minor units), price, quantity, and duration (ms) that is taken."""
LARGEST_SUM = (1 << 63) - 1
"""The greatest sum that a column of 64 bits holds, on either side of 0: a greater one stays at it.

It takes nine million of the greatest amounts. No other sum comes near: a partition of the log has fewer than 2^40
records (`schemas.versions`), each counts a few times, with at most 10^4 to an experience."""

CHANGES_JUDGED = 100
"""So many changes of the business have a verdict, the newest (`sinks/migrations/0014_change_effects.sql`)."""

Trimmed = Literal["state", "kept", "pending", "path", "currencies", "sums", "samples", "columns"]
"""What was left out where something would have outgrown its bound (docs/how-it-works.md, limits)."""
TRIMMED: tuple[Trimmed, ...] = get_args(Trimmed)


def characters_of(field: str) -> int | None:
    """Return the most characters of a text by its field's name, or None where the message alone limits it."""
    return None if field in UNLIMITED else CHARACTERS.get(field, SHORT)


def held(total: int) -> int:
    """Return a sum that a column holds: the nearest to `total`."""
    return max(-LARGEST_SUM, min(total, LARGEST_SUM))
