"""The search for dead letters of whoever was erased: of many small ones no more are held than of large ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest

from schemas.erasures import ErasedRows
from sinks.database import Database
from sinks.erasing import Letter
from streams.agents.erased_letters import LetterSearch
from streams.settings import Settings
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1

pytestmark = pytest.mark.embedded

ANN = "anon:email:ann@example.com"
SEARCHES, READS = "positionCaseInsensitiveUTF8", "hex(raw)"


class Seen:
    """A database that says which searches and reads of letters it was asked for."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked: list[str] = []

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        self.asked += [what for what in (SEARCHES, READS) if what in sql]
        return self.database.query(sql, parameters, output_format)


def letters(chdb: Engine, count: int, raw: str, detail: str, first: int = 0, topic: str = "'views'") -> None:
    """Store so many dead letters, from an offset on; what they hold is SQL, in which `number` is the offset."""
    chdb.execute(
        "INSERT INTO touchline.dead_letters_rows (topic, partition, offset, detail, raw, version) "
        f"SELECT {topic}, 0, number, {detail}, {raw}, 1 FROM numbers({first}, {count})"
    )


def found(database: object, key: str = ANN) -> list[Letter]:
    return list(LetterSearch(Settings()).find(cast(Database, database), ErasedRows("order", MAY_1, [key], 1 << 40)))


def test_letters_without_a_message_are_searched_some_ten_thousand_at_a_time_and_looked_at_before_the_next(
    chdb: Engine,
) -> None:
    letters(chdb, 120_000, "''", "if(number IN (7, 60000, 119999), 'of ann@example.com', 'x')")
    database = Seen(chdb)

    assert [one.offset for one in found(database)] == [7, 60_000, 119_999]
    assert database.asked == [SEARCHES, READS] * 3


def test_what_the_details_of_letters_hold_counts_as_searched(chdb: Engine) -> None:
    letters(chdb, 300, "''", "repeat('x', 200000)")
    database = Seen(chdb)

    assert found(database) == []
    assert database.asked == [SEARCHES] * 2  # 60 MB, of which 32 MiB are searched at once


def test_of_small_letters_thousands_are_looked_at_together(chdb: Engine) -> None:
    """In none of them `e` is an identifier. 500 were asked for at a time, so ten times."""
    letters(chdb, 5_000, "'ce_xx'", "''")
    database = Seen(chdb)

    assert found(database, "anon:cookie:e") == []
    assert 1 <= database.asked.count(READS) <= 5


def test_a_letter_of_two_versions_is_in_one_range(chdb: Engine) -> None:
    """The second one would be the first of the next 50,000."""
    letters(chdb, 49_999, "''", "if(number = 49998, 'of ann@example.com', 'x')")
    letters(chdb, 1, "''", "'of ann@example.com'", first=49_998)

    assert found(chdb) == [Letter("views", 0, 49_998)]


def test_a_topic_that_sql_would_take_for_something_else_names_its_letters(chdb: Engine) -> None:
    topic = "o'n\\e ', 1)]{places}"
    letters(chdb, 1, "''", "'of ann@example.com'", first=3, topic="'o\\'n\\\\e \\', 1)]{places}'")

    assert found(chdb) == [Letter(topic, 0, 3)]


def test_letters_of_topics_that_are_written_longest_fit_a_statement(chdb: Engine) -> None:
    letters(chdb, 1_500, "''", "'of ann@example.com'", topic="repeat('\\\\', 249)")

    assert len(found(chdb)) == 1_500
