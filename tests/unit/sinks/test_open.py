"""An address opens its sink, and a bad one is explained without showing a password."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from sinks.batch import Batch
from sinks.database import Database
from sinks.errors import AddressError
from sinks.memory.writer import MemoryWriter
from sinks.open import SCHEMES, Scheme, open_beside, open_database, open_writer
from sinks.tables import Row
from tests.contract.engine import Engine
from tests.contract.facts_rows import PLAIN


def test_memory_is_a_sink() -> None:
    assert isinstance(open_writer("memory://"), MemoryWriter)


def test_a_server_is_a_writer_and_a_database() -> None:
    writer = open_writer("clickhouse://db/touchline")
    database = open_database("clickhouse://db/touchline")

    assert isinstance(writer, Database)
    assert type(writer) is type(database)


def test_a_sink_without_sql_is_no_database() -> None:
    with pytest.raises(AddressError, match="memory:// stores rows only"):
        open_database("memory://")


def test_queries_beside_the_inserts_have_a_connection_of_their_own_on_a_server() -> None:
    url = "clickhouse://db/touchline"
    writer = open_writer(url)

    beside = open_beside(writer, url)

    assert isinstance(beside, Database)
    assert id(beside) != id(writer)
    assert open_beside(open_writer("memory://"), "memory://") is None


@pytest.mark.embedded
def test_queries_beside_the_inserts_go_to_the_embedded_writer_itself(chdb: Engine) -> None:
    assert open_beside(chdb, "chdb:///folder") is chdb


def test_an_embedded_clickhouse_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sinks.chdb.database", raising=False)
    monkeypatch.setitem(sys.modules, "chdb.session", None)

    with pytest.raises(AddressError, match=r"pip install 'touchline\[embedded\]'"):
        open_writer("chdb:///folder")


class Counts:
    """The smallest sink: it counts the rows of each table."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.counts: dict[str, int] = {}

    def write(self, table: str, rows: Sequence[Row]) -> None:
        self.counts[table] = self.counts.get(table, 0) + len(rows)

    def ping(self) -> None:
        """Return at once."""

    def close(self) -> None:
        """Release nothing."""


def test_a_new_sink_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEMES, "counts", Scheme("counts://", f"{__name__}:Counts"))
    batch = Batch()
    batch.add_row("clocks", PLAIN["clocks"])

    writer = open_writer("counts://anywhere")
    batch.flush(writer)

    assert isinstance(writer, Counts)
    assert (writer.url, writer.counts) == ("counts://anywhere", {"clocks": 1})


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgres://u:s3cret@db/touchline", "postgres"),
        ("nonsense", "nonsense"),
        ("clickhouse:///touchline", "names no host"),
        ("clickhouse://u:s3cret@db/other", "is 'touchline', not 'other'"),
        ("clickhouse://u:s3cret@db:99999/touchline", "port"),
        ("clickhouse://u:s3cret@db?secure=maybe", "'maybe'"),
        ("clickhouse://u:s3cret@db?timeout=long", "seconds"),
        ("clickhouse://u:s3cret@db?tls=1", "'tls'"),
        ("chdb://folder", "three slashes"),
        ("chdb:///", "three slashes"),
    ],
)
def test_a_bad_address_is_explained(url: str, message: str) -> None:
    with pytest.raises(AddressError, match=message) as caught:
        open_writer(url)

    assert "s3cret" not in str(caught.value)
