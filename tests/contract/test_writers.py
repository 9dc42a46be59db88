"""Every writer keeps the same rows, however often and in whatever order they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from schemas.rows import TABLES, Row, encode_rows
from servers.clickhouse import ClickHouseServer
from sinks.batch import Batch
from sinks.database import Database
from sinks.errors import PermanentWriteError
from sinks.memory.writer import MemoryWriter
from sinks.migrate import migrate
from tests.contract.engine import Engine, open_engine
from tests.contract.facts_rows import MAY_1, PLAIN
from tests.contract.lowering import lowered
from tests.contract.stores import MemoryStore, SqlStore, Store, driver_on_chdb

INT64_MAX = (1 << 63) - 1
HISTORY = "identities"
"""The one table of which every version is a row of its own."""
YEAR_1990 = 631_152_000_000
NASTY = 'it\'s "quoted", \\escaped\\\t\n\r\0, {name:String} %(x)s; DROP TABLE x; 😀 żółć 日本語 \u202e'


@pytest.fixture(
    params=[
        "memory",
        pytest.param("chdb", marks=pytest.mark.embedded),
        pytest.param("driver_on_chdb", marks=pytest.mark.embedded),
        pytest.param("server", marks=pytest.mark.clickhouse),
    ]
)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """One writer after the other, empty."""
    match request.param:
        case "memory":
            yield MemoryStore(MemoryWriter())
        case "chdb":
            chdb: Engine = request.getfixturevalue("chdb")
            yield SqlStore(chdb, chdb)
        case "driver_on_chdb":
            yield _driver_on_chdb(request)
        case "server":
            server: ClickHouseServer = request.getfixturevalue("clickhouse_server")
            engine = open_engine(server.url())
            migrate(engine, migrations=lowered())
            yield SqlStore(engine, engine)
            engine.execute("DROP DATABASE touchline")
            engine.close()


def _driver_on_chdb(request: pytest.FixtureRequest) -> Store:
    from chdb.session import Session  # noqa: PLC0415  # an optional part

    chdb: Database = request.getfixturevalue("chdb")
    folder: Path = request.getfixturevalue("chdb_folder")
    return SqlStore(driver_on_chdb(chdb, Session(str(folder))), chdb)


def fields(row: Row) -> list[object]:
    """Return a row as its MessagePack array decodes."""
    return list(msgspec.structs.astuple(row))


def varied(table: str, **changes: object) -> list[object]:
    """Return the plain row of a table with some fields changed."""
    return fields(msgspec.structs.replace(PLAIN[table], **changes))


@pytest.mark.parametrize("table", TABLES)
def test_a_row_is_kept_as_it_came(store: Store, table: str) -> None:
    row = fields(PLAIN[table])

    store.writer.write(table, [row])

    assert store.rows(table) == [row]


@pytest.mark.parametrize("table", TABLES)
def test_rows_sent_again_change_nothing(store: Store, table: str) -> None:
    row = fields(PLAIN[table])

    for _ in range(3):
        store.writer.write(table, [row, row])

    assert store.rows(table) == [row]


@pytest.mark.parametrize("table", [table for table in TABLES if table != HISTORY])
def test_the_highest_version_wins_in_whatever_order_it_comes(store: Store, table: str) -> None:
    low, middle, high = (varied(table, version=version) for version in (1, 5, (1 << 62) | 9))

    store.writer.write(table, [middle])
    store.writer.write(table, [high, low])
    store.writer.write(table, [middle, low])

    assert store.rows(table) == [high]


def test_whose_an_identity_was_before_is_kept_and_written_again_is_the_same(store: Store) -> None:
    first, second = (varied(HISTORY, version=version, customer_ids=[who]) for version, who in ((1, "c1"), (5, "c2")))

    store.writer.write(HISTORY, [second, first])
    store.writer.write(HISTORY, [second])

    assert store.rows(HISTORY) == [first, second]


def test_a_version_beyond_signed_integers_wins(store: Store) -> None:
    top = varied("touchpoints", version=(1 << 64) - 1)

    store.writer.write("touchpoints", [top, varied("touchpoints", version=INT64_MAX)])

    assert store.rows("touchpoints") == [top]


@pytest.mark.parametrize("table", ["journeys", "sentiment_shifts", "abandonments"])
def test_a_deleted_row_is_gone_and_a_later_version_brings_it_back(store: Store, table: str) -> None:
    store.writer.write(table, [varied(table, version=1)])
    store.writer.write(table, [varied(table, version=2, deleted=True)])
    gone = store.rows(table)

    store.writer.write(table, [varied(table, version=3)])

    assert gone == []
    assert store.rows(table) == [varied(table, version=3)]


def test_no_rows_are_no_trouble(store: Store) -> None:
    store.writer.write("touchpoints", [])

    assert store.rows("touchpoints") == []


def test_text_comes_back_letter_by_letter(store: Store) -> None:
    row = varied(
        "touchpoints",
        text=NASTY,
        event_id=NASTY,
        customer_id=NASTY,
        source=NASTY,
        currency=NASTY,
        attributes={NASTY: NASTY, "": ""},
    )

    store.writer.write("touchpoints", [row])

    assert store.rows("touchpoints") == [row]


def test_every_byte_of_a_dead_letter_comes_back(store: Store) -> None:
    row = varied("dead_letters", raw=bytes(range(256)) * 4)

    store.writer.write("dead_letters", [row])

    assert store.rows("dead_letters") == [row]


def test_nothing_and_zero_are_told_apart(store: Store) -> None:
    empty = varied("touchpoints", event_id="a", sentiment=None, experience=None, value_minor=None, currency=None)
    zero = varied("touchpoints", event_id="b", sentiment=0, experience=0, value_minor=0, currency="")

    store.writer.write("touchpoints", [empty, zero])

    assert store.rows("touchpoints") == [empty, zero]


def test_moments_that_are_not_known_stay_so(store: Store) -> None:
    open_ended = varied("journeys", journey_id="a", ended_at=None, experience_first=None)
    ended = varied("journeys", journey_id="b", ended_at=MAY_1 + 999)

    store.writer.write("journeys", [open_ended, ended])

    assert store.rows("journeys") == [open_ended, ended]


def test_extreme_values_fit(store: Store) -> None:
    touchpoint = varied(
        "touchpoints",
        occurred_at=YEAR_1990,
        received_at=4_102_444_799_999,
        sentiment=-10_000,
        experience=10_000,
        value_minor=INT64_MAX,
        text="x" * 1_000_000,
        attributes={f"k{i}": "v" * i for i in range(300)},
    )
    bucket = varied(
        "metric_buckets",
        n=1 << 40,
        numerator=-INT64_MAX,
        squares=INT64_MAX,
        samples=[0, 1, 1 << 40],
        samples_less=[0, 1 << 40],
        groups=[0, 255],
        group_counts=[1 << 40, -1],
        group_sums=[INT64_MAX, -INT64_MAX],
    )

    store.writer.write("touchpoints", [touchpoint])
    store.writer.write("metric_buckets", [bucket])

    assert store.rows("touchpoints") == [touchpoint]
    assert store.rows("metric_buckets") == [bucket]


def test_one_batch_may_span_ten_years(store: Store) -> None:
    month_ms = 31 * 86_400_000
    rows = [varied("metric_buckets", bucket=YEAR_1990 + i * month_ms) for i in range(120)]

    store.writer.write("metric_buckets", rows)

    assert store.rows("metric_buckets") == rows


def test_many_values_of_a_column_are_kept_apart(store: Store) -> None:
    # More values than a dictionary of LowCardinality with one-byte keys holds.
    rows = [
        varied("touchpoints", event_id=f"e{i:04}", source=f"s{i}", currency=f"{i:03}" if i else None)
        for i in range(700)
    ]

    store.writer.write("touchpoints", rows)

    assert store.rows("touchpoints") == rows


def test_arrays_of_different_lengths_stay_with_their_rows(store: Store) -> None:
    rows = [varied("metric_buckets", partition=i, samples=list(range(i))) for i in range(20)]

    store.writer.write("metric_buckets", rows)

    assert store.rows("metric_buckets") == rows


def test_a_row_that_is_too_short_is_refused_whole(store: Store) -> None:
    good = fields(PLAIN["clocks"])

    with pytest.raises(PermanentWriteError, match="has 4 fields instead of 5"):
        store.writer.write("clocks", [good, good[:-1]])

    assert store.rows("clocks") == []


def test_an_unknown_table_is_named(store: Store) -> None:
    with pytest.raises(PermanentWriteError, match="no table 'orders'"):
        store.writer.write("orders", [[1]])


def test_a_batch_of_messages_is_kept_whole(store: Store) -> None:
    batch = Batch()
    for table, row in PLAIN.items():
        newer = msgspec.structs.replace(row, version=(1 << 62) | 7)
        if table == "dead_letters":
            batch.add_row(table, newer)
        else:
            assert batch.add_message(table, encode_rows([row, newer])) == 2

    written = batch.flush(store.writer)

    assert written == len(PLAIN) + 1
    assert len(batch) == 0
    newest = {table: [varied(table, version=(1 << 62) | 7)] for table in PLAIN}
    expected = {**newest, HISTORY: [fields(PLAIN[HISTORY]), *newest[HISTORY]]}
    assert {table: store.rows(table) for table in PLAIN} == expected
