"""The stored tables: their columns, keys and row decoders, all derived from `schemas.rows`.

A row is a tuple of its fields in the order of its type in `schemas.rows`, as decoded from a MessagePack array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import GenericAlias
from typing import Annotated, Any, cast, get_origin, get_type_hints

import msgspec

from schemas import rows as row_types
from sinks.errors import PermanentWriteError

DATABASE = "touchline"

Row = Sequence[object]
Rows = list[tuple[object, ...]]

_FORMAT: Any = Annotated[int, msgspec.Meta(ge=row_types.FACTS_FORMAT, le=row_types.FACTS_FORMAT)]

_KEYS: dict[str, tuple[str, ...]] = {
    "touchpoints": ("customer_id", "occurred_at", "event_id"),
    "journeys": ("journey_id",),
    "sentiment_shifts": ("shift_id",),
    "abandonments": ("family", "customer_id", "subject_id", "started_at"),
    "superseded": ("customer_id", "event_id"),
    "metric_buckets": ("metric", "dimension", "dimension_value", "bucket", "currency", "partition"),
    "currencies": ("currency",),
    "customers": ("customer_id",),
    "dead_letters": ("topic", "partition", "offset"),
    "clocks": ("partition",),
    "business_changes": ("change_id",),
    "marketing_spend": ("spend_id",),
    "hourly_counts": ("kind", "hour", "partition"),
    "outcomes": ("outcome", "at", "subject", "event"),
}


@dataclass(frozen=True)
class Table:
    """One stored table.

    Attributes:
        name: the table's name in `schemas.rows.TABLES`.
        stored: the qualified name of the ClickHouse table that stores its rows: `touchline.<name>_rows`; `<name>`
            itself is a view.
        columns: the columns in the order of a row's fields; the last is `version`.
        maps: the columns whose values are dictionaries.
        key: the columns that identify a row's entity, in the order of the sorting key.
        key_of: returns the key of a row.
        decode: returns the rows of a message of the table's facts topic; raises `msgspec.MsgspecError` if the message
            holds anything but rows of this table.
    """

    name: str
    stored: str
    columns: tuple[str, ...]
    maps: frozenset[str]
    key: tuple[str, ...]
    key_of: Callable[[Row], object]
    decode: Callable[[bytes], Rows]

    @property
    def column_list(self) -> str:
        """The columns as a list in SQL."""
        return ", ".join(f"`{column}`" for column in self.columns)


def _table(name: str, row_type: type[row_types.Row]) -> Table:
    columns = row_type.__struct_fields__
    hints = get_type_hints(row_type)
    types = [hints[column] for column in columns]
    # Tuples of exact types: checked while they are decoded, and cheaper to keep than lists.
    rows: Any = GenericAlias(list, (GenericAlias(tuple, tuple(types)),))
    message: Any = GenericAlias(tuple, (_FORMAT, rows))
    decoder = msgspec.msgpack.Decoder(message)
    return Table(
        name=name,
        stored=f"{DATABASE}.{name}_rows",
        columns=columns,
        maps=frozenset(column for column in columns if get_origin(hints[column]) is dict),
        key=_KEYS[name],
        key_of=itemgetter(*(columns.index(column) for column in _KEYS[name])),
        decode=lambda value: cast(Rows, decoder.decode(value)[1]),
    )


TABLES: dict[str, Table] = {name: _table(name, kind) for name, kind in row_types.TABLES.items()}
"""Every stored table by its name."""


def table_of(name: str) -> Table:
    """Return a stored table by its name.

    Raises:
        PermanentWriteError: no table has this name.
    """
    try:
        return TABLES[name]
    except KeyError:
        known = ", ".join(sorted(TABLES))
        raise PermanentWriteError(f"no table {name!r}; the tables are {known}") from None


def check_width(table: Table, rows: Sequence[Row]) -> None:
    """Check that every row has one value a column: formats without column names would shift the values.

    Raises:
        PermanentWriteError: a row is too short or too long.
    """
    wanted = len(table.columns)
    for width in set(map(len, rows)):
        if width != wanted:
            raise PermanentWriteError(
                f"a row of {table.name!r} has {width} fields instead of {wanted}: "
                "the workers and the sink are of different releases"
            )
