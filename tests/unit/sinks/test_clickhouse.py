"""What the server's writer makes of errors, and of servers that come and go."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from clickhouse_driver import errors

from servers.clickhouse import ClickHouseServer
from sinks.clickhouse import ClickHouseWriter, Server
from sinks.columns import conversions, to_columns
from sinks.migrate import migrate
from sinks.open import open_writer
from sinks.tables import TABLES
from sinks.writer import PermanentWriteError, QueryError, TransientWriteError, Writer, select
from tests.contract.facts_rows import MAY_1, PLAIN
from tests.contract.lowering import lowered

CLOCK = [0, MAY_1, 17, 1]


class Broken:
    """A client that fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.dropped = 0

    def execute(self, *_: object, **__: object) -> None:
        raise self.error

    def disconnect(self) -> None:
        self.dropped += 1


def broken(error: Exception) -> tuple[ClickHouseWriter, Broken]:
    writer = ClickHouseWriter(Server("db", password="s3cret"))  # noqa: S106  # not a real one
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
        (errors.ServerException("Syntax error", code=62), "Syntax error"),
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


@pytest.mark.parametrize(
    ("column_type", "stored"),
    [
        ("DateTime64(3, 'UTC')", MAY_1 + 789),
        ("Nullable(DateTime64(3, 'UTC'))", MAY_1 + 789),
        ("Int64", MAY_1 + 789),
        ("DateTime", MAY_1 // 1000),
        ("DateTime('UTC')", MAY_1 // 1000),
        ("LowCardinality(Nullable(DateTime))", MAY_1 // 1000),
        ("DateTime64(0)", MAY_1 // 1000),
        ("DateTime64(6, 'UTC')", MAY_1 * 1000 + 789_000),
        ("DateTime64(9)", MAY_1 * 1_000_000 + 789_000_000),
    ],
)
def test_times_follow_the_server_s_column(column_type: str, stored: int) -> None:
    table = TABLES["clocks"]
    columns = to_columns([[0, MAY_1 + 789, 17, 1], [1, None, 17, 1]])
    types = dict.fromkeys(table.columns, "UInt64") | {"time": column_type}

    for place, convert in conversions(table, types).items():
        columns[place] = convert(columns[place])

    assert columns == [[0, 1], [stored, None], [17, 17], [1, 1]]


@pytest.fixture
def server(clickhouse_server: ClickHouseServer) -> Iterator[Writer]:
    writer = open_writer(clickhouse_server.url())
    migrate(writer, migrations=lowered())
    yield writer
    writer.execute("DROP DATABASE touchline")
    writer.close()


@pytest.mark.clickhouse
def test_after_a_kill_the_same_writer_sends_the_same_again(server: Writer, clickhouse_server: ClickHouseServer) -> None:
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
    writer = open_writer(clickhouse_server.url(user="guarded", password="wrong"))  # noqa: S106  # is wrong

    with pytest.raises(PermanentWriteError, match="check the user and password"):
        writer.ping()


@pytest.mark.clickhouse
def test_tables_that_are_not_there_are_asked_for(clickhouse_server: ClickHouseServer) -> None:
    writer = open_writer(clickhouse_server.url())

    with pytest.raises(PermanentWriteError, match="touchline migrate"):
        writer.write("clocks", [CLOCK])


@pytest.mark.clickhouse
def test_a_batch_is_one_block(server: Writer) -> None:
    rows = [[partition, MAY_1, 17, 1] for partition in range(3000)]

    server.write("clocks", rows)

    parts = select(
        server,
        "SELECT rows FROM system.parts WHERE database = 'touchline' AND table = 'clocks_rows' AND level = 0",
    )
    assert parts == [[3000]]
