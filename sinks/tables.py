"""The stored tables: their columns, keys and row decoders, all derived from `schemas.rows`.

A row is a tuple of its fields in the order of its type in `schemas.rows`, as decoded from a MessagePack array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import GenericAlias
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

import msgspec

from schemas import rows as row_types
from sinks.errors import PermanentWriteError

DATABASE = "touchline"
OWNERS = f"{DATABASE}.owners_rows"
"""The table that ClickHouse fills from that of identities: the newest of each."""
OWNERS_FROM = "identities"
"""The table that it is filled from: each row of one is written as a row of the other, too."""

Row = Sequence[object]
Rows = list[tuple[object, ...]]

_FORMAT: Any = Annotated[int, msgspec.Meta(ge=row_types.FACTS_FORMAT, le=row_types.FACTS_FORMAT)]

_GREATEST = (1 << 64) - 1
"""The greatest number of a UInt64; MessagePack has no greater one."""

_KEYS: dict[str, tuple[str, ...]] = {
    "touchpoints": ("stated_key", "occurred_at", "event_id"),
    "journeys": ("journey_id",),
    "sentiment_shifts": ("customer_id", "shift_id"),
    "abandonments": ("family", "customer_id", "subject_id", "started_at"),
    "follow_ups": ("customer_id", "follow_up_id"),
    "superseded": ("customer_id", "event_id"),
    "metric_buckets": ("metric", "dimension", "dimension_value", "bucket", "currency", "partition"),
    "currencies": ("currency",),
    "customers": ("customer_id",),
    "dead_letters": ("topic", "partition", "offset"),
    "clocks": ("partition",),
    "business_changes": ("change_id",),
    "marketing_spend": ("spend_id",),
    "identities": ("kind", "value", "version"),
    "identity_conflicts": ("kind", "value", "other_kind", "other_value"),
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
        decode: returns the rows of a message of the table's facts topic; raises one of `schemas.errors.NOT_READ` if the
            message holds anything but rows of this table, or a number that its column does not hold.
        decode_any: the same, with numbers as they are.
        ranges: the least and the greatest number that a column holds, by its place.
    """

    name: str
    stored: str
    columns: tuple[str, ...]
    maps: frozenset[str]
    key: tuple[str, ...]
    key_of: Callable[[Row], object]
    decode: Callable[[bytes], Rows]
    decode_any: Callable[[bytes], Rows]
    ranges: dict[int, tuple[int, int]]

    @property
    def column_list(self) -> str:
        """The columns as a list in SQL."""
        return ", ".join(f"`{column}`" for column in self.columns)


def _table(name: str, row_type: type[row_types.Row]) -> Table:
    columns = row_type.__struct_fields__
    hints, checked = get_type_hints(row_type), get_type_hints(row_type, include_extras=True)
    return Table(
        name=name,
        stored=f"{DATABASE}.{name}_rows",
        columns=columns,
        maps=frozenset(column for column in columns if get_origin(hints[column]) is dict),
        key=_KEYS[name],
        key_of=itemgetter(*(columns.index(column) for column in _KEYS[name])),
        decode=_decoder([checked[column] for column in columns]),
        decode_any=_decoder([hints[column] for column in columns]),
        ranges={place: found for place, column in enumerate(columns) if (found := _range(checked[column]))},
    )


def _decoder(types: list[Any]) -> Callable[[bytes], Rows]:
    # Tuples of exact types: checked while they are decoded, and cheaper to keep than lists.
    rows: Any = GenericAlias(list, (GenericAlias(tuple, tuple(types)),))
    message: Any = GenericAlias(tuple, (_FORMAT, rows))
    decoder = msgspec.msgpack.Decoder(message)
    return lambda value: cast(Rows, decoder.decode(value)[1])


def _range(hint: Any) -> tuple[int, int] | None:
    """Return the least and the greatest number that a column's type holds; None if it holds none."""
    for kind in (hint, *get_args(hint)):
        for meta in getattr(kind, "__metadata__", ()):
            return meta.ge, _GREATEST if meta.le is None else meta.le
    return None


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


def within_columns(table: Table, rows: Rows) -> tuple[Rows, set[str]]:
    """Return rows with every number as near to what it is as its column holds, and the columns where that differs."""
    found: set[str] = set()
    held = []
    for row in rows:
        values = list(row)
        for place, (least, greatest) in table.ranges.items():
            value = row[place]
            if isinstance(value, int) and not least <= value <= greatest:
                values[place] = max(least, min(value, greatest))
                found.add(table.columns[place])
            elif isinstance(value, list):
                values[place] = [max(least, min(number, greatest)) for number in value]
                if values[place] != value:
                    found.add(table.columns[place])
        held.append(tuple(values))
    return held, found


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
