"""Every number that reaches a column is checked once, as the sink reads a message: beyond the column, it is held."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from schemas import rows
from schemas.rows import FACTS_FORMAT
from sinks.batch import Batch
from sinks.errors import PermanentWriteError
from sinks.tables import TABLES
from tests.contract.facts_rows import PLAIN

MIGRATIONS = sorted((Path(__file__).parents[3] / "sinks/migrations").glob("*.sql"))
SQL = "".join(file.read_text("utf-8") for file in MIGRATIONS)
BOUNDS: dict[str, tuple[int, int]] = {
    "Int16": (-32_768, 32_767),
    "Int64": (-9_223_372_036_854_775_808, 9_223_372_036_854_775_807),
    "UInt32": (0, 4_294_967_295),
    "UInt64": (0, 18_446_744_073_709_551_615),
    # ClickHouse: "range of values: [1900-01-01 00:00:00, 2299-12-31 23:59:59.999]"
    "DateTime64": (-2_208_988_800_000, 10_413_791_999_999),
}
"""What the types of ClickHouse hold, as its documentation says."""
NUMBER = re.compile(r"^ {4}(\w+) .*?\b(U?Int(?:16|32|64)|DateTime64)\b")


def columns_of(table: str) -> dict[str, tuple[int, int]]:
    """Return the range of each column of numbers, as the migration creates it."""
    body = SQL.split(f"touchline.{table}_rows\n(")[1].split("\n)\n")[0]
    found = [NUMBER.match(line) for line in body.splitlines()]
    return {match[1]: BOUNDS[match[2]] for match in found if match}


def message(table: str, **changed: object) -> bytes:
    values = [changed.get(name, value) for name, value in msgspec.structs.asdict(PLAIN[table]).items()]
    return msgspec.msgpack.encode((FACTS_FORMAT, [values]))


def stored(batch: Batch, table: str) -> dict[str, Any]:
    (row,) = batch.rows(table)
    return dict(zip(TABLES[table].columns, row, strict=True))


@pytest.mark.parametrize("table", TABLES)
def test_a_row_declares_what_its_columns_hold(table: str) -> None:
    found = {TABLES[table].columns[place]: held for place, held in TABLES[table].ranges.items()}

    assert found == columns_of(table)


@pytest.mark.parametrize("table", TABLES)
def test_no_number_of_a_row_is_without_a_range(table: str) -> None:
    hints = get_type_hints(rows.TABLES[table])
    numbers = {name for name, hint in hints.items() if int in (hint, *get_args(hint)) and hint is not bool}

    assert numbers == columns_of(table).keys()


EDGES = [
    (table, column, edge, wrong)
    for table in TABLES
    if table != "dead_letters"
    for column, (least, greatest) in columns_of(table).items()
    if column not in {"samples", "samples_less", "groups", "group_counts", "group_sums", "since", "version"}
    for edge, wrong in ((least, least - 1), (greatest, greatest + 1))
    if -(2**63) <= wrong < 2**64
]


@pytest.mark.parametrize(("table", "column", "edge", "wrong"), EDGES)
def test_a_number_beyond_its_column_is_held_and_counted(table: str, column: str, edge: int, wrong: int) -> None:
    within, beyond = Batch(), Batch()
    within.add_message(table, message(table, **{column: edge}))
    beyond.add_message(table, message(table, **{column: wrong}))

    assert stored(within, table)[column] == edge
    assert not within.beyond
    assert stored(beyond, table) == stored(within, table)
    assert beyond.beyond == {(table, column): 1}


def test_numbers_of_an_array_are_held_too() -> None:
    batch = Batch()
    batch.add_message("metric_buckets", message("metric_buckets", samples=[1, 2**63, 3]))

    assert stored(batch, "metric_buckets")["samples"] == [1, 2**63 - 1, 3]
    assert batch.beyond == {("metric_buckets", "samples"): 1}


def test_what_is_no_number_is_still_an_error() -> None:
    with pytest.raises(PermanentWriteError, match=r"facts\.customers\.v1"):
        Batch().add_message("customers", message("customers", spend_minor="much"))
