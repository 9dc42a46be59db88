"""The tables that pages take from the code are up to date."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from schemas.metrics import METRICS
from streams.runtime.telemetry import declarations

DOCS = Path(__file__).parents[2] / "docs"


def load_tables() -> ModuleType:
    """Return docs/tables.py, which is a script and no module of a package."""
    spec = importlib.util.spec_from_file_location("tables", DOCS / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    return tables


TABLES = load_tables()


@pytest.mark.parametrize("page", sorted(TABLES.PAGES))
def test_its_tables_are_up_to_date(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")

    assert TABLES.with_tables(page, text) == text, "run: make docs"


def test_a_page_without_its_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"metrics\.md should have <!-- metrics -->"):
        TABLES.with_tables("metrics.md", "# The metrics\n")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, ""), (86_400_000, "1 d"), (30 * 86_400_000 + 30 * 60_000, "30 d 30 min"), (2 * 3_600_000, "2 h")],
)
def test_a_length_of_time_is_written_in_days_hours_and_minutes(milliseconds: int, text: str) -> None:
    assert TABLES.duration(milliseconds) == text


def test_every_metric_can_be_restated_for_whole_minutes() -> None:
    assert all(metric.restated_ms % 60_000 == 0 for metric in METRICS)


def test_the_table_has_a_row_for_every_metric() -> None:
    rows = TABLES.telemetry_table().splitlines()[2:]

    assert [row.split("`")[1] for row in rows] == [metric.name for _, _, metric in declarations()]
    assert "| `touchline_state_entries` | gauge | `partition`, `kind` |" in TABLES.telemetry_table()
