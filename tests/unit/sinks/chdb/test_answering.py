"""While one process has an embedded database open, others can ask it: they can change nothing, and stop nothing."""

from __future__ import annotations

import errno
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from sinks.chdb import answering
from sinks.chdb.answering import AT_ONCE, QueryServer
from sinks.chdb.query_socket import NAME, connect, socket_address
from sinks.chdb.remote import RemoteDatabase, open_remote
from sinks.database import Database, select
from sinks.errors import PermanentWriteError, QueryError, SinkError, TransientWriteError
from tests.contract.engine import Engine
from tests.contract.facts_rows import PLAIN

pytestmark = pytest.mark.embedded

ENDLESS = "SELECT max(sipHash64(number)) FROM system.numbers"
RUNNING = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number)%' AND query_id != queryID()"


@pytest.fixture
def server(chdb: Engine, chdb_folder: Path) -> Iterator[QueryServer]:
    """An answering process, which has the run's database open."""
    del chdb
    answers = QueryServer(f"chdb://{chdb_folder}")
    yield answers
    if Path(chdb_folder, NAME).exists():
        answers.close()


@pytest.fixture
def remote(server: QueryServer, chdb_folder: Path) -> Database:
    del server
    found = open_remote(f"chdb://{chdb_folder}")
    assert found is not None
    return found


def test_a_question_is_answered_with_what_is_there_now(remote: Database, chdb: Engine) -> None:
    names = "SELECT event_id FROM touchpoints WHERE channel = {channel:String}"
    row = PLAIN["touchpoints"]
    channel = {"channel": "a\tb\\"}
    assert select(remote, names, channel) == []

    chdb.write("touchpoints", [msgspec.structs.astuple(msgspec.structs.replace(row, event_id="e", channel="a\tb\\"))])

    assert select(remote, names, channel) == [["e"]]
    assert remote.version() == chdb.version()


@pytest.mark.parametrize(
    "sql",
    [
        "TRUNCATE TABLE touchpoints_rows",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT nothing FROM nowhere",
    ],
)
def test_whatever_is_no_reading_question_is_refused(remote: Database, sql: str) -> None:
    with pytest.raises(QueryError):
        remote.query(sql)

    assert select(remote, "SELECT 1") == [[1]]


def test_a_question_says_what_is_wrong_as_the_open_database_does(remote: Database, chdb: Engine) -> None:
    with pytest.raises(QueryError) as here:
        chdb.query("SELECT nothing FROM touchpoints")
    with pytest.raises(QueryError) as there:
        remote.query("SELECT nothing FROM touchpoints")

    assert str(there.value) == str(here.value)


def test_it_changes_nothing(remote: Database) -> None:
    with pytest.raises(PermanentWriteError, match="another process has it open"):
        remote.execute("TRUNCATE TABLE touchpoints_rows")


def test_rows_are_stored_while_a_question_takes_long_and_its_end_ends_the_question(
    remote: Database, server: QueryServer, chdb: Engine, chdb_folder: Path
) -> None:
    with ThreadPoolExecutor() as asking:
        asked = asking.submit(remote.query, ENDLESS)
        while select(chdb, RUNNING) != [[1]]:
            assert not asked.done(), asked.result()
        chdb.write("touchpoints", [msgspec.structs.astuple(PLAIN["touchpoints"])])
        assert not asked.done()

        server.close()

        with pytest.raises(SinkError):
            asked.result()
    assert not Path(chdb_folder, NAME).exists()
    with pytest.raises(TransientWriteError, match="has ended"):
        remote.query("SELECT 1")


def test_a_long_question_ends_by_itself(remote: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_LIMITS", "max_execution_time = 1")

    with pytest.raises(QueryError, match="Timeout exceeded"):
        remote.query(ENDLESS)


def test_clients_that_say_nothing_are_shown_out(
    chdb: Engine, chdb_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del chdb
    monkeypatch.setattr(answering, "WITHIN_S", 1)
    server = QueryServer(f"chdb://{chdb_folder}")
    silent = [connect(str(chdb_folder)) for _ in range(2 * AT_ONCE)]

    assert select(RemoteDatabase(str(chdb_folder)), "SELECT 1") == [[1]]

    for connection in silent:
        assert connection is not None
        connection.close()
    server.close()


def test_a_message_that_is_no_question_is_told(server: QueryServer, chdb_folder: Path) -> None:
    del server
    connection = connect(str(chdb_folder))
    assert connection is not None
    with connection:
        connection.send_bytes(b"\xc1 no MessagePack")
        assert connection.recv_bytes() == b"-"


def test_the_socket_is_its_users_alone(server: QueryServer, chdb_folder: Path) -> None:
    del server
    assert stat.S_IMODE(Path(chdb_folder, NAME).stat().st_mode) == 0o600


def test_a_socket_that_a_killed_process_left_is_nobody_and_is_replaced(chdb: Engine, chdb_folder: Path) -> None:
    del chdb
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(chdb_folder / NAME))
    left.close()
    assert open_remote(f"chdb://{chdb_folder}") is None

    answers = QueryServer(f"chdb://{chdb_folder}")

    assert open_remote(f"chdb://{chdb_folder}") is not None
    answers.close()


def test_a_folder_may_have_a_long_name(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 50)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        with socket_address(str(folder)) as address:
            listening.bind(address)
        listening.listen()
        connection = connect(str(folder))
        assert connection is not None
        connection.close()


class ShortOfDescriptors:
    """A listening socket whose next clients cannot be taken up."""

    def __init__(self, listening: socket.socket, times: int) -> None:
        self.listening, self.times = listening, times

    def accept(self) -> tuple[socket.socket, object]:
        if self.times:
            self.times -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self.listening.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self.listening, name)


def test_a_process_that_was_short_of_descriptors_answers_again(
    server: QueryServer, remote: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "SHORT_OF_S", 0.01)
    short = ShortOfDescriptors(server._socket, times=AT_ONCE + 1)
    monkeypatch.setattr(server, "_socket", short)
    assert select(remote, "SELECT 1") == [[1]]  # taken up before

    assert select(remote, "SELECT 2") == [[2]]
    assert short.times == 0


def test_who_is_not_answered_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.chdb.remote.WITHIN_S", 0.01)
    with socket.socket(socket.AF_UNIX) as silent, socket_address(str(tmp_path)) as address:
        silent.bind(address)
        silent.listen()
        with pytest.raises(TransientWriteError, match="has not answered within"):
            RemoteDatabase(str(tmp_path)).query("SELECT 1")
