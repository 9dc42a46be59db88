"""The least release of ClickHouse, as the documents state it."""

from __future__ import annotations

import pytest

from sinks.database import Database
from sinks.errors import MigrationError
from sinks.release import check_release


@pytest.mark.parametrize("version", ["18.16.1", "23.12.6.19", "24.4.1.2088"])
def test_older_ones_are_refused_by_name(version: str) -> None:
    with pytest.raises(MigrationError, match=f"^ClickHouse {version} is too old: touchline needs 24.5 or later"):
        check_release(version)


@pytest.mark.parametrize("version", ["24.5.1.1", "24.10.1.2812", "25.1.3.23", "26.9.2.1", "24.8.14.10544.altinitytest"])
def test_the_least_and_later_ones_are_taken(version: str) -> None:
    check_release(version)


@pytest.mark.embedded
def test_the_embedded_one_tells_its_release_without_any_table(chdb_without_tables: Database) -> None:
    check_release(chdb_without_tables.version())
