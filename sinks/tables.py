"""The stored tables: their columns, keys and row decoders, all derived from `schemas.rows`.

A row is a tuple of its fields in the order of its type in `schemas.rows`, as a MessagePack array decodes to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import GenericAlias
from typing import Any, get_origin, get_type_hints

import msgspec

from schemas import rows as row_types

DATABASE = "touchline"

Row = Sequence[object]

_KEYS: dict[str, tuple[str, ...]] = {
    "touchpoints": ("customer_id", "occurred_at", "event_id"),
    "journeys": ("journey_id",),
    "sentiment_shifts": ("shift_id",),
    "abandonments": ("family", "customer_id", "subject_id"),
    "metric_buckets": ("metric", "dimension", "dimension_value", "bucket", "partition"),
    "customers": ("customer_id",),
    "dead_letters": ("topic", "partition", "offset"),
    "clocks": ("partition",),
    "business_changes": ("change_id",),
    "marketing_spend": ("spend_id",),
    "metric_definitions": ("metric",),
}


@dataclass(frozen=True)
class Table:
    """One stored table.

    Attributes:
        name: the table's name in `schemas.rows.TABLES`.
        stored: where its rows are kept, qualified: `touchline.<name>_rows`. `<name>` itself is a view.
        columns: the columns in the order of a row's fields; the last is `version`.
        maps: the columns whose values are dictionaries.
        key: the columns that say which entity a row is about, in the order of the sorting key.
        key_of: takes the key out of a row.
        decode: reads a message of the table's facts topic; raises `msgspec.MsgspecError` if it holds
            anything but rows of this table.
    """

    name: str
    stored: str
    columns: tuple[str, ...]
    maps: frozenset[str]
    key: tuple[str, ...]
    key_of: Callable[[Row], object]
    decode: Callable[[bytes], list[tuple[object, ...]]]

    @property
    def column_list(self) -> str:
        """The columns as SQL lists them."""
        return ", ".join(f"`{column}`" for column in self.columns)


def _table(name: str, row_type: type[row_types.Row]) -> Table:
    columns = row_type.__struct_fields__
    hints = get_type_hints(row_type)
    types = [hints[column] for column in columns]
    # Tuples of exact types: checked while they are decoded, and cheaper to keep than lists.
    message: Any = GenericAlias(list, (GenericAlias(tuple, tuple(types)),))
    return Table(
        name=name,
        stored=f"{DATABASE}.{name}_rows",
        columns=columns,
        maps=frozenset(column for column in columns if get_origin(hints[column]) is dict),
        key=_KEYS[name],
        key_of=itemgetter(*(columns.index(column) for column in _KEYS[name])),
        decode=msgspec.msgpack.Decoder(message).decode,
    )


TABLES: dict[str, Table] = {
    name: _table(name, kind) for name, kind in (row_types.TABLES | row_types.REFERENCE_TABLES).items()
}
"""Every stored table by its name."""
