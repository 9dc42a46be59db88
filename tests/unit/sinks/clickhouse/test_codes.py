"""Which of ClickHouse's errors are waited for: those of its load, and those of a full disk."""

from __future__ import annotations

import pytest

from sinks.clickhouse import codes
from sinks.database import select
from tests.contract.engine import Engine


@pytest.mark.embedded
def test_the_numbers_have_the_names_that_clickhouse_gives_them(chdb: Engine) -> None:
    ours = codes._TRANSIENT | codes._FILES | codes._MISSING | codes._REFUSED_LOGIN | codes._OF_CLUSTERS
    numbers = ", ".join(map(str, sorted(ours)))
    theirs = select(chdb, f"SELECT arrayJoin([{numbers}]) AS code, errorCodeToName(code)")

    assert {int(str(code)): name for code, name in theirs} == ours


# Of servers 18.16 and 26.9 on a tmpfs without room, or without inodes.
FULL = [
    (75, "DB::ErrnoException: Cannot write to file …/text.bin, errno: 28, strerror: No space left on device."),
    (76, "DB::ErrnoException: Cannot open file …/event_id.mrk, errno: 28, strerror: No space left on device."),
    (76, "DB::ErrnoException: Cannot open file …/data.bin: , errno: 28, strerror: No space left on device."),
    (243, "DB::Exception: Cannot reserve 1.76 MiB, not enough space."),
    (1000, "DB::Exception: File access error: no space left on device: …/tmp_insert_202405_2_2_0."),
    (1001, 'filesystem error: in create_directories: No space left on device ["…/tmp_insert_202405_2_2_0"].'),
]


@pytest.mark.parametrize(("code", "message"), FULL)
def test_a_full_disk_is_waited_for(code: int, message: str) -> None:
    assert codes.is_transient(code, message)


def test_a_quota_and_the_limit_of_open_files_are_waited_for() -> None:
    assert codes.is_transient(75, "Cannot write to file x, errno: 122, strerror: Disk quota exceeded.")
    assert codes.is_transient(76, "Cannot open file x, errno: 24, strerror: Too many open files.")


def test_a_disk_that_is_broken_or_forbidden_is_not() -> None:
    assert not codes.is_transient(75, "Cannot write to file x, errno: 5, strerror: Input/output error.")
    assert not codes.is_transient(76, "Cannot open file x, errno: 13, strerror: Permission denied.")
    assert not codes.is_transient(76, "Cannot open file x, errno: 281, strerror: ?")


def test_what_a_value_says_of_full_disks_does_not_count() -> None:
    assert not codes.is_transient(27, "Cannot parse input: expected number before: 'no space left on device'")
