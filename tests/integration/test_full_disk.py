"""A full disk under ClickHouse, embedded or a server, is waited for, and no row is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from servers.clickhouse import ClickHouseServer
from sinks.database import select
from sinks.errors import TransientWriteError
from sinks.migrate import migrate
from tests.contract.engine import open_engine
from tests.contract.facts_rows import PLAIN
from tests.contract.lowering import lowered
from tests.servers.process import skip_without_server, watch
from tests.servers.small_disk import fill, make_room, small_disk

SCRIPT = "tests.integration.scripts.full_disk"
WITHIN_S = 60.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=32) as mounted:
        yield mounted


@pytest.mark.embedded
def test_the_embedded_database_says_that_its_disk_is_full_and_goes_on_when_there_is_room(disk: Path) -> None:
    # A process of its own: each may open only one embedded database.
    done = subprocess.run(
        [sys.executable, "-m", SCRIPT, str(disk)], check=True, stdout=subprocess.PIPE, timeout=WITHIN_S
    )

    assert json.loads(done.stdout) == {
        "errors": ["", "TransientWriteError", "TransientWriteError", ""],
        "full": [["a"]],
        "after": [["a"], ["b"]],
    }


@pytest.mark.clickhouse
def test_a_server_whose_disk_is_full_is_tried_again_until_there_is_room(disk: Path) -> None:
    rows = {
        name: [msgspec.structs.astuple(msgspec.structs.replace(PLAIN["touchpoints"], event_id=name))] for name in "ab"
    }
    with skip_without_server():
        server = ClickHouseServer(disk)
    watch(server.process)
    try:
        server.start()
        database = open_engine(server.url())
        migrate(database, migrations=lowered())
        database.write("touchpoints", rows["a"])
        fill(disk)
        for _ in range(2):
            with pytest.raises(TransientWriteError, match="No space left on device"):
                database.write("touchpoints", rows["b"])
        full = select(database, "SELECT event_id FROM touchpoints ORDER BY event_id")
        make_room(disk)
        database.write("touchpoints", rows["b"])
        after = select(database, "SELECT event_id FROM touchpoints ORDER BY event_id")
        database.close()
    finally:
        server.stop()

    assert (full, after) == ([["a"]], [["a"], ["b"]])
