"""One embedded ClickHouse for all tests of a run: a process can open only one folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from sinks.migrate import migrate, truncate
from sinks.open import open_writer
from sinks.writer import Writer


@pytest.fixture(scope="session")
def chdb_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run's embedded database: the only one that its process may open."""
    if find_spec("chdb") is None:
        reason = "chDB is not installed: pip install 'touchline[embedded]'"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return tmp_path_factory.mktemp("chdb")


@pytest.fixture(scope="session")
def chdb_opened(chdb_folder: Path) -> Iterator[Writer]:
    """The run's embedded database, with or without tables."""
    writer = open_writer(f"chdb://{chdb_folder}")
    yield writer
    writer.close()


@pytest.fixture
def chdb(chdb_opened: Writer) -> Writer:
    """A writer to an embedded database with all tables and views, and no rows."""
    migrate(chdb_opened)
    truncate(chdb_opened)
    return chdb_opened


@pytest.fixture
def chdb_without_tables(chdb_opened: Writer) -> Iterator[Writer]:
    """A writer to an embedded ClickHouse in which there is no database `touchline`."""
    chdb_opened.execute("DROP DATABASE IF EXISTS touchline SYNC")
    yield chdb_opened
    chdb_opened.execute("DROP DATABASE IF EXISTS touchline SYNC")
