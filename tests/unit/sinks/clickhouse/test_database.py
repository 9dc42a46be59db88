"""The errors of a server, and a server that goes away and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest
from clickhouse_driver import Client, errors

from servers.clickhouse import ClickHouseServer
from sinks.clickhouse.address import Server
from sinks.clickhouse.database import ClickHouseDatabase, open_server
from sinks.database import select
from sinks.errors import AddressError, MigrationError, PermanentWriteError, QueryError, TransientWriteError
from sinks.migrate import migrate
from sinks.tables import TABLES
from tests.contract.engine import Engine, open_engine
from tests.contract.facts_rows import MAY_1, PLAIN
from tests.contract.lowering import lowered

CLOCK = [0, MAY_1, MAY_1, 17, 1]


class Broken:
    """A client that fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.dropped = 0

    def execute(self, *_: object, **__: object) -> list[object]:
        raise self.error

    def disconnect(self) -> None:
        self.dropped += 1


def broken(error: Exception) -> tuple[ClickHouseDatabase, Broken]:
    writer = ClickHouseDatabase(Server("db", password="s3cret"))  # noqa: S106  # not a real one
    client = Broken(error)
    writer._client = client
    return writer, client


@pytest.mark.parametrize(
    "error",
    [
        errors.NetworkError("reset by peer"),
        errors.SocketTimeoutError("silent"),
        EOFError("closed"),
        ConnectionResetError("reset"),
        errors.UnexpectedPacketFromServerError("what?"),
        errors.ServerException("Too many parts (300)", code=252),
        errors.ServerException("Memory limit (total) exceeded", code=241),
        errors.ServerException("Cannot write to file x, errno: 28, strerror: No space left on device", code=75),
    ],
)
def test_what_passes_by_itself_is_transient(error: Exception) -> None:
    writer, client = broken(error)

    with pytest.raises(TransientWriteError, match="default@db:9000") as caught:
        writer.write("clocks", [CLOCK])

    assert client.dropped == 1
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errors.ServerException("Table touchline.clocks_rows doesn't exist", code=60), "migrate"),
        (errors.ServerException("Authentication failed", code=516), "check the user and password"),
        (errors.ServerException("Not enough privileges", code=497), "give the user the right"),
        (errors.ServerException("Syntax error", code=62), "Syntax error"),
        (errors.ServerException("Cannot write to file x, errno: 5, strerror: …", code=75), "errno: 5"),
        (errors.TypeMismatchError("Column time: required argument is not an integer"), "not fit"),
    ],
)
def test_what_will_not_pass_is_permanent_and_explained(error: Exception, message: str) -> None:
    writer, client = broken(error)

    with pytest.raises(PermanentWriteError, match=message):
        writer.write("clocks", [CLOCK])

    assert client.dropped == 1


def test_a_server_s_stack_trace_is_left_out() -> None:
    writer, _ = broken(errors.ServerException("Bad. Stack trace:\n\n0. libclickhouse", code=62))

    with pytest.raises(QueryError) as caught:
        writer.query("SELECT 1")

    assert str(caught.value) == "Code: 62. Bad."


def test_an_error_of_our_own_is_not_dressed_up() -> None:
    writer, client = broken(KeyError("a bug"))

    with pytest.raises(KeyError):
        writer.write("clocks", [CLOCK])

    assert client.dropped == 1


@pytest.mark.parametrize(("letter", "why"), [(None, "cannot be read: No such file"), ("Dear", "holds no certificates")])
def test_a_file_of_certificates_that_cannot_be_used_is_named(tmp_path: Path, letter: str | None, why: str) -> None:
    file = tmp_path / "trusted.pem"
    if letter is not None:
        file.write_text(letter)

    with pytest.raises(AddressError, match=f"ca_certs={file} in a clickhouse:// address {why}"):
        open_server(f"clickhouses://db/touchline?ca_certs={file}")


class Answering:
    """A client of a server that knows some settings, and keeps those of an insert."""

    def __init__(self, *known: str) -> None:
        self.known = known
        self.sent: dict[str, int] = {}

    def execute(self, sql: str, *_: object, **more: dict[str, int]) -> list[list[str]]:
        if sql.startswith("INSERT"):
            self.sent = more["settings"]
        if sql.startswith("DESCRIBE"):
            return [[column, "Int64"] for column in TABLES["clocks"].columns]
        return [[name] for name in self.known]


@pytest.mark.parametrize("known", [("async_insert", "max_threads"), ("max_threads",)])
def test_a_server_is_told_to_store_before_it_answers_if_it_knows_another_way(known: tuple[str, ...]) -> None:
    writer, _ = broken(KeyError())
    client = writer._client = Answering(*known)

    writer.write("clocks", [CLOCK])

    assert client.sent == ({"async_insert": 0} if "async_insert" in known else {})


def test_a_server_is_told_to_acknowledge_rows_that_are_on_their_shards_and_to_send_each_to_its_own() -> None:
    writer, _ = broken(KeyError())
    client = writer._client = Answering(
        "distributed_foreground_insert", "parallel_distributed_insert_select", "insert_deduplicate"
    )
    wanted = {"distributed_foreground_insert": 1, "parallel_distributed_insert_select": 0, "insert_deduplicate": 0}

    writer.write("clocks", [CLOCK])
    assert client.sent == wanted
    client.sent = {}
    writer.execute("INSERT INTO touchline.clocks_rows SELECT * FROM touchline.clocks_rows")
    assert client.sent == wanted


@pytest.mark.parametrize(
    ("readonly", "sent"),
    [
        ("0", {"distributed_product_mode": "global", "readonly": 1}),
        ("1", {}),
        ("2", {"distributed_product_mode": "global"}),
    ],
)
def test_a_reader_joins_with_the_rows_of_all_shards_where_it_may_say_so(readonly: str, sent: dict[str, object]) -> None:
    asked: list[object] = []

    class Asked:
        def execute(self, sql: str, *_: object, **more: object) -> list[object]:
            if "system.settings" in sql:
                return [(readonly,)]
            asked.append(more.get("settings"))
            return [[], []]

    reader, _ = broken(KeyError())
    reader._client = Asked()

    reader.query("SELECT 1", output_format="JSONEachRow")

    assert asked[-1] == sent


def test_closing_does_not_wait_for_a_server_that_does_not_answer() -> None:
    answer, asked = Event(), Event()

    class Hanging(Broken):
        def execute(self, *_: object, **__: object) -> list[object]:
            asked.set()
            answer.wait(30)
            return []

    writer, _ = broken(KeyError())
    writer._client = Hanging(KeyError())
    asking = Thread(target=writer.execute, args=["SELECT 1"], daemon=True)
    asking.start()
    asked.wait(10)

    writer.close()

    assert asking.is_alive()
    answer.set()
    asking.join(10)
    writer.close()
    assert writer._client.dropped == 1


@pytest.fixture
def server(clickhouse_server: ClickHouseServer) -> Iterator[Engine]:
    writer = open_engine(clickhouse_server.url())
    migrate(writer, migrations=lowered())
    yield writer
    writer.execute("DROP DATABASE touchline")
    writer.close()


@pytest.mark.clickhouse
def test_on_a_server_that_is_too_old_migrate_makes_nothing(clickhouse_server: ClickHouseServer) -> None:
    engine = open_engine(clickhouse_server.url())
    try:
        with pytest.raises(MigrationError, match=r"^ClickHouse 18\.16\.1 is too old: touchline needs 24\.5 or later"):
            migrate(engine)
    finally:
        engine.close()

    with Client(clickhouse_server.host, port=clickhouse_server.native_port) as client:
        assert ("touchline",) not in client.execute("SHOW DATABASES")


@pytest.mark.clickhouse
def test_after_a_kill_the_same_writer_sends_the_same_again(server: Engine, clickhouse_server: ClickHouseServer) -> None:
    row = msgspec.structs.astuple(PLAIN["touchpoints"])
    server.write("touchpoints", [row])
    clickhouse_server.kill9()
    try:
        with pytest.raises(TransientWriteError):
            server.write("touchpoints", [row])
    finally:
        clickhouse_server.start()

    server.write("touchpoints", [row])

    assert select(server, "SELECT event_id FROM touchpoints") == [["e1"]]


@pytest.mark.clickhouse
def test_a_wrong_password_is_permanent(clickhouse_server: ClickHouseServer) -> None:
    writer = open_engine(clickhouse_server.url(user="guarded", password="wrong"))  # noqa: S106  # is wrong

    with pytest.raises(PermanentWriteError, match="check the user and password"):
        writer.ping()


@pytest.mark.clickhouse
def test_tables_that_are_not_there_are_asked_for(clickhouse_server: ClickHouseServer) -> None:
    writer = open_engine(clickhouse_server.url())

    with pytest.raises(PermanentWriteError, match="touchline migrate"):
        writer.write("clocks", [CLOCK])


@pytest.mark.clickhouse
def test_a_batch_is_one_block(server: Engine) -> None:
    rows = [[partition, MAY_1, MAY_1, 17, 1] for partition in range(3000)]

    server.write("clocks", rows)

    parts = select(
        server,
        "SELECT rows FROM system.parts WHERE database = 'touchline' AND table = 'clocks_rows' AND level = 0",
    )
    assert parts == [[3000]]
