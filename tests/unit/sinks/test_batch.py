"""A batch holds the newest row of every entity, and loses nothing when a write fails."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from schemas.rows import FACTS_FORMAT, ClockRow, encode_rows
from sinks.batch import Batch
from sinks.errors import PermanentWriteError, TransientWriteError
from sinks.memory.writer import MemoryWriter
from sinks.tables import Row
from tests.contract.facts_rows import PLAIN


def clock(partition: int, version: int) -> list[object]:
    return [partition, 1000, 1000, version, version]


def test_only_the_highest_version_of_a_key_is_kept() -> None:
    batch = Batch()

    batch.add("clocks", [clock(0, 5), clock(1, 1), clock(0, 9), clock(0, 7)])

    assert len(batch) == 2
    assert batch.rows("clocks") == [clock(0, 9), clock(1, 1)]


class FailsOnce(MemoryWriter):
    """Refuses the first write to one table."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self.table = table
        self.sent: list[tuple[str, list[Row]]] = []

    def write(self, table: str, rows: Sequence[Row]) -> None:
        self.sent.append((table, list(rows)))
        if table == self.table:
            self.table = ""
            raise TransientWriteError("down")
        super().write(table, rows)


def test_after_a_failure_the_identical_rest_is_sent_again() -> None:
    writer = FailsOnce("journeys")
    batch = Batch()
    for table in ("clocks", "journeys", "touchpoints"):
        batch.add_row(table, PLAIN[table])

    with pytest.raises(TransientWriteError):
        batch.flush(writer)
    left = len(batch)
    batch.flush(writer)

    rows = {table: [msgspec.structs.astuple(PLAIN[table])] for table in PLAIN}
    assert left == 2
    assert writer.sent == [
        ("touchpoints", rows["touchpoints"]),
        ("journeys", rows["journeys"]),
        ("journeys", rows["journeys"]),
        ("clocks", rows["clocks"]),
    ]


def test_clocks_are_written_after_the_figures_they_call_final() -> None:
    writer = FailsOnce("")
    batch = Batch()
    batch.add_row("clocks", PLAIN["clocks"])
    batch.add_row("metric_buckets", PLAIN["metric_buckets"])

    batch.flush(writer)

    assert [table for table, _ in writer.sent] == ["metric_buckets", "clocks"]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xc1",
        b"\x91" * 100_000,
        b"\x92\x01\x91\x94\xa1\xff\x01\x01\x01",
        msgspec.msgpack.encode([FACTS_FORMAT, [["0", 1, 1, 1, 1]]]),
        msgspec.msgpack.encode([FACTS_FORMAT, [[0, 1, 1, 1]]]),
        msgspec.msgpack.encode([FACTS_FORMAT + 1, [[0, 1, 1, 1, 1]]]),
        msgspec.msgpack.encode({"partition": 0}),
    ],
)
def test_a_message_that_holds_no_rows_is_refused_whole(value: bytes) -> None:
    batch = Batch()

    with pytest.raises(PermanentWriteError, match=r"facts\.clocks\.v1 does not hold rows"):
        batch.add_message("clocks", value)

    assert len(batch) == 0


def test_a_message_says_how_many_rows_it_held() -> None:
    rows = [ClockRow(partition, 1, 1, 1, 1) for partition in range(3)]

    assert Batch().add_message("clocks", encode_rows([*rows, rows[0]])) == 4
