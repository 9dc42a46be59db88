"""Columns hold what the column types of a server's tables want."""

from __future__ import annotations

import pytest

from sinks.clickhouse.columns import conversions, to_columns
from sinks.tables import TABLES
from tests.contract.facts_rows import MAY_1


@pytest.mark.parametrize(
    ("column_type", "stored"),
    [
        ("DateTime64(3, 'UTC')", MAY_1 + 789),
        ("Nullable(DateTime64(3, 'UTC'))", MAY_1 + 789),
        ("Int64", MAY_1 + 789),
        ("DateTime", MAY_1 // 1000),
        ("DateTime('UTC')", MAY_1 // 1000),
        ("LowCardinality(Nullable(DateTime))", MAY_1 // 1000),
        ("DateTime64(0)", MAY_1 // 1000),
        ("DateTime64(6, 'UTC')", MAY_1 * 1000 + 789_000),
        ("DateTime64(9)", MAY_1 * 1_000_000 + 789_000_000),
    ],
)
def test_times_follow_the_server_s_column(column_type: str, stored: int) -> None:
    table = TABLES["clocks"]
    columns = to_columns([[0, MAY_1 + 789, 5, 17, 1], [1, None, 5, 17, 1]])
    types = dict.fromkeys(table.columns, "UInt64") | {"time": column_type}

    for place, convert in conversions(table, types).items():
        columns[place] = convert(columns[place])

    assert columns == [[0, 1], [stored, None], [5, 5], [17, 17], [1, 1]]
