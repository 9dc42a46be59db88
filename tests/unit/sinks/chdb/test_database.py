"""The embedded ClickHouse stores what it is given, or raises: whatever an insert fails with, and when."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from sinks.chdb import database
from sinks.database import select
from sinks.errors import PermanentWriteError, QueryError, SinkError, TransientWriteError
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1, PLAIN

pytestmark = pytest.mark.embedded

MONTH_MS = 31 * 86_400_000
ROWS = "touchline.touchpoints_rows"
LONG = "SELECT max(sipHash64(number)) FROM numbers(1000000000)"
SAME = "query LIKE '%sipHash64(number)%' AND query_id != queryID()"


def touchpoint(event_id: str, **changes: object) -> tuple[object, ...]:
    return msgspec.structs.astuple(msgspec.structs.replace(PLAIN["touchpoints"], event_id=event_id, **changes))


def stored(database: Engine) -> list[object]:
    return [event_id for (event_id,) in select(database, "SELECT event_id FROM touchpoints_rows ORDER BY event_id")]


@pytest.fixture
def constrained(chdb: Engine) -> Iterator[Engine]:
    """A database that takes no touchpoint with the text `bad`."""
    chdb.execute(f"ALTER TABLE {ROWS} ADD CONSTRAINT never CHECK text != 'bad'")
    yield chdb
    chdb.execute(f"ALTER TABLE {ROWS} DROP CONSTRAINT never")


def test_rows_that_violate_a_constraint_are_refused_with_its_name(constrained: Engine) -> None:
    rows = [touchpoint("good"), touchpoint("bad", text="bad")]

    with pytest.raises(PermanentWriteError, match=r"2 rows to touchline\.touchpoints_rows.*`never`.*violated"):
        constrained.write("touchpoints", rows)

    assert stored(constrained) == []


@pytest.fixture
def crowded(chdb: Engine) -> Iterator[Engine]:
    """A database that takes no insert while it has two parts, and does not merge them by itself."""
    chdb.execute(f"SYSTEM STOP MERGES {ROWS}")
    limits = "parts_to_throw_insert = 2, parts_to_delay_insert = 2, max_avg_part_size_for_too_many_parts = 0"
    chdb.execute(f"ALTER TABLE {ROWS} MODIFY SETTING {limits}")
    yield chdb
    chdb.execute(f"ALTER TABLE {ROWS} RESET SETTING {', '.join(limit.split()[0] for limit in limits.split(', '))}")
    chdb.execute(f"SYSTEM START MERGES {ROWS}")


def test_too_many_parts_are_waited_for(crowded: Engine) -> None:
    for event_id in ("a", "b"):
        crowded.write("touchpoints", [touchpoint(event_id)])

    with pytest.raises(TransientWriteError, match="TOO_MANY_PARTS"):
        crowded.write("touchpoints", [touchpoint("c")])
    before = stored(crowded)
    crowded.execute(f"SYSTEM START MERGES {ROWS}")
    crowded.execute(f"OPTIMIZE TABLE {ROWS} FINAL")
    crowded.write("touchpoints", [touchpoint("c")])

    assert before == ["a", "b"]
    assert stored(crowded) == ["a", "b", "c"]


def test_more_partitions_than_the_engine_allows_are_refused(chdb: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    # The writer lifts the limit; this stands for any setting that an insert breaks only when it is stored.
    monkeypatch.setattr("sinks.chdb.database._INSERT_SETTINGS", "max_partitions_per_insert_block = 10")
    rows = [touchpoint(f"e{month}", occurred_at=MAY_1 - month * MONTH_MS) for month in range(150)]

    with pytest.raises(SinkError, match="Too many partitions"):
        chdb.write("touchpoints", rows)

    assert stored(chdb) == []


def test_a_column_that_is_missing_is_named(chdb: Engine) -> None:
    chdb.execute(f"ALTER TABLE {ROWS} DROP COLUMN scorer")
    try:
        with pytest.raises(PermanentWriteError, match="scorer"):
            chdb.write("touchpoints", [touchpoint("a")])
    finally:
        chdb.execute(f"ALTER TABLE {ROWS} ADD COLUMN scorer LowCardinality(String) AFTER sentiment")


def test_a_process_that_can_open_no_more_files_waits(chdb: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(_name: str) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", exhausted)

    with pytest.raises(TransientWriteError, match="Too many open files"):
        chdb.write("touchpoints", [touchpoint("a")])


def test_where_no_file_lies_in_memory_a_temporary_one_does(
    chdb: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    chdb.write("touchpoints", [touchpoint("a", text="x" * 1_000_000)])

    assert stored(chdb) == ["a"]
    assert list(tmp_path.iterdir()) == []


def test_an_insert_leaves_no_file_open(chdb: Engine) -> None:
    def in_memory() -> int:
        files = (os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd"))
        return sum("memfd:rows" in file for file in files)

    for _ in range(3):
        chdb.write("touchpoints", [touchpoint("a")])
    with pytest.raises(SinkError):
        chdb.write("touchpoints", [touchpoint("a", occurred_at="no number")])

    assert in_memory() == 0


def test_queries_are_answered_and_rows_stored_while_a_query_takes_long(chdb: Engine) -> None:
    with ThreadPoolExecutor() as asking:
        asked = asking.submit(chdb.query, LONG)
        while select(chdb, f"SELECT count() FROM system.processes WHERE {SAME}") != [[1]]:
            assert not asked.done()
        chdb.write("touchpoints", [touchpoint("e1")])
        assert stored(chdb) == ["e1"]
        chdb.execute(f"KILL QUERY WHERE {SAME} SYNC")

        with pytest.raises(SinkError):
            asked.result()


@pytest.mark.parametrize(("code", "error"), [(241, TransientWriteError), (47, QueryError)])
def test_a_query_that_finds_too_little_memory_may_be_asked_again(
    chdb: Engine, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    def refused(*_: object) -> bytes:
        raise QueryError("refused") from RuntimeError(f"Code: {code}. DB::Exception: refused")

    monkeypatch.setattr(database, "ask", refused)

    with pytest.raises(error, match="refused"):
        select(chdb, "SELECT 1")


@pytest.mark.parametrize(
    ("table", "column"),
    [("touchpoints", "occurred_at"), ("metric_buckets", "bucket"), ("hourly_counts", "hour"), ("outcomes", "at")],
)
def test_what_is_long_ago_is_kept_by_year_so_that_no_insert_writes_hundreds_of_parts(
    chdb: Engine, table: str, column: str
) -> None:
    """Of each month from January 1990 to May 2026, and of both sides of where months begin: 35 years and 17 months."""
    months = [datetime(1990 + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(36 * 12 + 5)]
    moments = [*months, datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC)]
    plain = PLAIN[table]
    rows = [msgspec.structs.replace(plain, **{column: int(one.timestamp() * 1000)}) for one in moments]

    chdb.write(table, [msgspec.structs.astuple(row) for row in rows])

    sql = f"SELECT DISTINCT partition FROM system.parts WHERE table = '{table}_rows' AND active AND rows > 0 ORDER BY 1"
    found = [partition for (partition,) in select(chdb, sql)]
    since = [f"{year}{month:02}" for year in (2025, 2026) for month in range(1, 13)][:17]
    assert found == [f"{year}00" for year in range(1990, 2025)] + since
