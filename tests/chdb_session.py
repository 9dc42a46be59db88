"""One embedded ClickHouse for all tests of a run: a process can open only one folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from sinks.migrate import migrate
from sinks.tables import OWNERS, TABLES
from tests.contract.engine import Engine, open_engine


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
def chdb_opened(chdb_folder: Path) -> Iterator[Engine]:
    """The run's embedded database, with or without tables."""
    engine = open_engine(f"chdb://{chdb_folder}")
    yield engine
    engine.close()


@pytest.fixture
def chdb(chdb_opened: Engine) -> Engine:
    """The run's embedded database with all tables and views, and no rows."""
    migrate(chdb_opened)
    for stored in (*(table.stored for table in TABLES.values()), OWNERS):
        chdb_opened.execute(f"TRUNCATE TABLE {stored}")
    return chdb_opened


@pytest.fixture
def chdb_without_tables(chdb_opened: Engine) -> Iterator[Engine]:
    """The run's embedded ClickHouse without the database `touchline`."""
    chdb_opened.execute("DROP DATABASE IF EXISTS touchline SYNC")
    yield chdb_opened
    chdb_opened.execute("DROP DATABASE IF EXISTS touchline SYNC")
