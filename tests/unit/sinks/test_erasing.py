"""What is deleted of somebody who was erased: all of theirs that is older, in every table, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from schemas.dead_letters import refusal_of
from schemas.erasures import ERASED_FROM, ErasedRows
from schemas.identity_links import identity_of
from schemas.limits import MESSAGE_BYTES
from schemas.rows import TABLES, DeadLetterRow
from sinks.chdb.asking import ask, reading_session
from sinks.database import Database, select
from sinks.erasing import (
    CONDITIONS,
    LateRows,
    Letter,
    condition_of,
    erase,
    erase_letters,
    note_done,
    part_of,
    together,
    whose_of,
)
from streams.agents.erased_letters import LetterSearch
from streams.agents.erased_rows import RowsEraser
from streams.settings import Settings
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1, PLAIN
from tests.unit.journeys.play import DAY, HOUR, T0, cart, order, played, seen_page
from tests.unit.sinks.views import write

pytestmark = pytest.mark.embedded

WHO = "o'ann\\ {keys}"
"""A customer's id that SQL and its templates would take for something else."""
V = 1 << 40
THEIRS: dict[str, dict[str, Any]] = {
    **{table: {"customer_id": WHO} for table in ERASED_FROM},
    "touchpoints": {"customer_id": "owner", "stated_key": WHO},
    "outcomes": {"outcome": "late", "subject": WHO, "at": MAY_1},
    "identities": {"kind": "cookie", "value": "k", "customer_ids": ["c", WHO]},
    "identity_conflicts": {"other_kind": "customer", "other_value": WHO, "customer_ids": []},
}


def erased(*keys: str, at: int = MAY_1, version: int = V) -> ErasedRows:
    return ErasedRows("order", at, list(keys or (WHO,)), version)


def rows(chdb: Engine, table: str) -> int:
    ((count,),) = select(chdb, f"SELECT count() FROM {table}_rows")
    return int(str(count))


@pytest.mark.parametrize("table", sorted(CONDITIONS))
def test_of_every_table_what_is_theirs_and_older_is_deleted(chdb: Engine, table: str) -> None:
    is_timed = table in {"touchpoints", "outcomes"}
    at = "at" if table == "outcomes" else "occurred_at"
    later = {at: MAY_1 + 1} if is_timed else {"version": V}
    write(chdb, table, **THEIRS[table] | {"version": V - 1})
    write(chdb, table, **THEIRS[table] | {"version": V - 1} | later)
    write(chdb, table, version=V - 1)
    before = rows(chdb, table)

    assert erase(chdb, table, erased()) == 1

    assert rows(chdb, table) == before - 1
    left = f"SELECT count() FROM {table}_rows WHERE {condition_of(table, *whose_of([erased()]))}"  # of the code's own
    assert select(chdb, left) == [[0]]
    assert erase(chdb, table, erased()) == 0


def test_who_was_erased_owns_nothing_in_the_table_that_the_views_read_and_others_stay(chdb: Engine) -> None:
    own = {"kind": "cookie", "since": [MAY_1], "event_ids": ["e"], "version": V - 1}
    write(chdb, "identities", **own | {"value": "theirs", "customer_ids": [WHO]})
    write(chdb, "identities", **own | {"value": "was theirs", "customer_ids": [WHO]})
    write(chdb, "identities", **own | {"value": "was theirs", "customer_ids": ["bob"], "version": V})
    write(chdb, "identities", **own | {"kind": "customer", "value": WHO, "customer_ids": ["bob"]})
    write(chdb, "identities", **own | {"value": "of bob", "customer_ids": ["bob"]})

    erase(chdb, "identities", erased())

    left = select(chdb, "SELECT name, customer_ids FROM owners_rows ORDER BY name")
    assert left == [["anon:cookie:of bob", ["bob"]], ["anon:cookie:was theirs", ["bob"]]]


@pytest.mark.parametrize("table", sorted(CONDITIONS))
def test_a_row_that_comes_after_its_like_were_deleted_is_told_from_others(table: str) -> None:
    told = LateRows()
    assert told.of(table) is None
    told.add("touchpoints" if table == "outcomes" else table, erased())
    is_late = told.of(table)
    assert is_late is not None
    is_timed = table in {"touchpoints", "outcomes"}
    later = {"at" if table == "outcomes" else "occurred_at": MAY_1 + 1} if is_timed else {"version": V}
    theirs = THEIRS[table] | {"version": V - 1}
    if table == "identities":
        theirs |= {"kind": "customer", "value": WHO}

    found = [theirs, theirs | later, {"version": V - 1}]

    rows = [msgspec.structs.astuple(msgspec.structs.replace(PLAIN[table], **one)) for one in found]
    assert list(map(is_late, rows)) == [True, False, False]


def test_of_too_many_who_were_erased_the_last_are_remembered() -> None:
    told = LateRows(remembered=2)
    for key in ("a", "b", "c"):
        told.add("customers", replace(erased(key), erasure_id=f"order {key}"))
    is_late = told.of("customers")
    assert is_late is not None

    rows = [msgspec.structs.replace(PLAIN["customers"], customer_id=key, version=1) for key in ("a", "b", "c")]
    assert [is_late(msgspec.structs.astuple(row)) for row in rows] == [False, True, True]


def test_of_the_last_order_all_are_remembered_in_however_many_messages() -> None:
    told = LateRows(remembered=2)
    told.add("customers", replace(erased("before"), erasure_id="before"))
    for keys in (("a", "b"), ("c",), ("d", "e")):
        told.add("customers", erased(*keys))
    is_late = told.of("customers")
    assert is_late is not None

    rows = [replace(PLAIN["customers"], customer_id=key, version=1) for key in ("before", *"abcde")]
    assert [is_late(msgspec.structs.astuple(row)) for row in rows] == [False, *[True] * 5]


MANY = {
    "large names": [f"anon:cookie:{number:04d}" + "\U0001f600" * 1250 for number in range(1_000)],
    "names of quotes": [f"anon:cookie:{number:03d}" + "'" * 1000 for number in range(300)],
    "names of zeros and backslashes": [f"anon:cookie:{number:03d}" + "\0\\" * 500 for number in range(300)],
    "cases": [f"anon:case:2026-{number:07d}" for number in range(6_000)],
    "short ids": [str(number) for number in range(12_000)],
}


@pytest.mark.parametrize("names", MANY)
@pytest.mark.parametrize("table", ["touchpoints", "identities", "identity_conflicts"])
def test_however_many_somebodys_names_are_and_however_long_their_rows_are_deleted(
    chdb: Engine, table: str, names: str
) -> None:
    keys = MANY[names]
    for key in (keys[0], keys[len(keys) // 2], keys[-1]):
        kind, value = identity_of(key)
        named = {"stated_key": key, "occurred_at": MAY_1} if table == "touchpoints" else {"kind": kind, "value": value}
        write(chdb, table, **named | {"version": V - 1})
    write(chdb, table, version=V - 1)
    before = rows(chdb, table)

    assert erase(chdb, table, erased(*keys)) == 3

    assert rows(chdb, table) == before - 3


def test_dead_letters_of_somebody_are_deleted_however_many_they_are(chdb: Engine) -> None:
    topic = "t" * 249
    found = [Letter(topic, 2, offset) for offset in range(3_000)]
    row = DeadLetterRow(topic, 2, 0, "undecodable", "", "ingest", MAY_1, b"", 1)
    chdb.write("dead_letters", [msgspec.structs.astuple(replace(row, offset=one)) for one in (0, 1_500, 2_999)])

    assert erase_letters(chdb, found) == 3


def test_every_table_that_names_customers_has_its_condition() -> None:
    named = {"customer_id", "customer_ids", "stated_key", "subject", "value"}
    assert {table for table, row in TABLES.items() if named & set(row.__struct_fields__)} == CONDITIONS.keys()


def test_the_reconciliation_still_balances_and_tells_what_was_erased(chdb: Engine) -> None:
    """Five of two people, one of them late; hours that are counted, and one that no count holds."""
    done = [seen_page(0), cart(1, "item_added", value=5), order(2), seen_page(3, customer_key="bob")]
    play = played(done, until=T0 + HOUR)
    late = played([seen_page(0, customer_key="bob"), seen_page(-5 * DAY)], until=T0 + HOUR)
    for output in chain(play.outputs, late.outputs[-1:]):
        for table, facts in output.facts.items():
            chdb.write(table, [msgspec.structs.astuple(row) for row in facts])
    write(chdb, "outcomes", outcome="accepted", kind="page_view", subject="ann", event="old", at=T0, version=1)
    write(chdb, "touchpoints", kind="page_view", stated_key="ann", event_id="old", occurred_at=T0, version=1 | 1 << 62)
    assert missing(chdb) == 0

    eraser = RowsEraser(Settings(), chdb)
    for _ in range(2):
        for table in ("touchpoints", "journeys", "customers"):
            eraser.erase(table, [erased("ann", at=T0 + DAY, version=1 << 60)])

        assert missing(chdb) == 0
        assert select(chdb, "SELECT toInt32(sum(erased)) FROM reconciliation") == [[4]]
        assert select(chdb, "SELECT count() FROM touchpoints WHERE customer_id = 'ann'") in ([["0"]], [[0]])
        told = select(chdb, "SELECT table, toInt32(deleted) FROM erasures_rows FINAL WHERE table = 'customers'")
        assert told == [["customers", 1]]


def missing(chdb: Engine) -> int:
    ((count,),) = select(chdb, "SELECT toInt32(sum(missing)) FROM reconciliation")
    return int(str(count))


def letter(chdb: Engine, offset: int, raw: bytes, detail: str = "", topic: str = "touchpoints.tweets.v1") -> None:
    row = DeadLetterRow(topic, 2, offset, "undecodable", detail, "ingest", MAY_1, raw, 1)
    refused = refusal_of(row)
    assert refused is not None
    chdb.write("dead_letters", [msgspec.structs.astuple(row)])
    chdb.write("outcomes", [msgspec.structs.astuple(refused)])


def test_dead_letters_are_theirs_by_what_they_say_or_by_what_they_hold(chdb: Engine) -> None:
    view = {"event_id": "e", "occurred_at": MAY_1, "source": "s", "page": "/", "action": ""}
    topic = "touchpoints.page_views.v1"
    theirs = [view | {"customer_id": "42"}, view | {"identifiers": {"email": "<ANN@x.com>"}}]
    others = [view | {"customer_id": "7", "page": "/42"}, view | {"customer_id": "42", "occurred_at": MAY_1 + DAY}]
    for offset, said in enumerate([*theirs, *others]):
        letter(chdb, offset, json.dumps(said).encode(), topic=topic)
    letter(chdb, 10, b'{"customer_id": "42", "identifiers": {"email":')
    letter(chdb, 11, b"\xc3\x01 no record \x02\x0442\x02")
    letter(chdb, 12, b'{"amount": 42, "order": "x-42-y"')
    letter(chdb, 13, b"\x00 Ann@X.com \xff")
    letter(chdb, 14, b'{"caller": "+44 (0)20 7946-0958"')
    letter(chdb, 15, b"", "event_id 'e' of '42' was seen before")
    keys = ["42", "anon:email:ann@x.com", "anon:phone:+442079460958"]

    found = list(LetterSearch(Settings()).find(chdb, erased(*keys)))

    assert sorted(one.offset for one in set(found)) == [0, 1, 10, 11, 13, 14, 15]
    assert missing(chdb) == 0
    assert erase_letters(chdb, found) == 7
    assert rows(chdb, "dead_letters") == 3
    assert missing(chdb) == 0
    assert list(LetterSearch(Settings()).find(chdb, erased(*keys))) == []


class Bounded:
    """A database whose statements may take little memory."""

    def __init__(self, folder: Path) -> None:
        self.session = reading_session(str(folder), "max_memory_usage = 250000000")

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        return ask(self.session, sql, parameters, output_format)


def test_large_letters_are_searched_for_hundreds_of_names_in_bounded_memory(chdb: Engine, chdb_folder: Path) -> None:
    """48 letters of 1 MiB, of which the last two hold a name, one of them as its digits: 300 names are looked for."""
    body = b"0123 abcdefgh " * (MESSAGE_BYTES // 14)
    for offset in range(46):
        letter(chdb, offset, body)
    letter(chdb, 46, body + b'"customer_id": "NAME-0299"')
    letter(chdb, 47, body + b"+44 (0)20 7946-0958")
    names = [*(f"name-{number:04}" for number in range(300)), "anon:phone:+442079460958"]
    bounded = Bounded(chdb_folder)

    found = list(LetterSearch(Settings()).find(cast(Database, bounded), erased(*names)))

    bounded.session.close()
    assert sorted(one.offset for one in found) == [46, 47]


class Measured:
    """A database whose answers are measured, in bytes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sizes: list[int] = []

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        answer = self.database.query(sql, parameters, output_format)
        self.sizes.append(len(answer))
        return answer


def test_large_letters_are_looked_at_a_few_at_a_time_and_each_is_found_once(chdb: Engine) -> None:
    """Each of 12 letters holds a name of the first hundred, and one of those behind; in hex it has 2 MB."""
    names = [f"name-{number:03d}" for number in range(150)]
    for offset in range(12):
        letter(chdb, offset, b'{"customer_id": "name-007", "name-140": "' + bytes(1_000_000))
    database = Measured(chdb)

    found = list(LetterSearch(Settings()).find(cast(Database, database), erased(*names)))

    assert sorted(one.offset for one in found) == list(range(12))
    assert max(database.sizes) < 5 * 2_000_000


def test_nothing_is_deleted_where_no_letter_is_theirs(chdb: Engine) -> None:
    assert erase_letters(chdb, []) == 0
    assert erase_letters(chdb, [Letter("t", 0, 1)]) == 0


def test_a_word_that_others_use_too_takes_no_letters_of_theirs_with_it_unless_the_order_says_so(chdb: Engine) -> None:
    """Somebody has linked EUR and event_id to whoever is erased; both are in every letter of a shop's bad release."""
    others = b'{"event_id": "e%d", "currency": "EUR", "amount_minor": "12", "customer_id": "c-%d"'
    for number in range(20):
        letter(chdb, 100 + number, others % (number, number))
    letter(chdb, 150, b'{"event_id": "e", "identifiers": {"loyalty": "EUR"')
    keys = ["ann", "anon:loyalty:EUR", "anon:crm:event_id"]
    search = LetterSearch(Settings())

    assert [one.offset for one in search.find(chdb, erased(*keys))] == [150]
    every = search.find(chdb, replace(erased(*keys), unsure_letters=True))
    assert sorted(one.offset for one in every if one.offset >= 100) == [*range(100, 120), 150]


def test_of_two_notes_the_one_with_more_rows_stands(chdb: Engine) -> None:
    noted = replace(erased("two notes"), erasure_id="two notes")
    for deleted in (3, 0):
        note_done(chdb, "journeys", [noted], deleted)

    assert select(chdb, "SELECT toInt32(deleted) FROM erasures_rows FINAL WHERE erasure_id = 'two notes'") == [[3]]


class Counting:
    """A database whose statements are counted, of which none is carried out that notes or deletes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.statements: list[str] = []

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        self.statements.append(sql)
        return self.database.query(sql, parameters, output_format)

    def execute(self, sql: str) -> None:
        self.statements.append(sql)
        self.database.execute(sql)


def test_a_thousand_keys_of_one_order_take_the_statements_of_one_and_each_message_is_noted(chdb: Engine) -> None:
    """A partition tells of each key by itself: a statement for each took 10 ms and more."""
    names = [f"robot-{number}" for number in range(1_000)]
    messages = [replace(erased(name, version=V + place), erasure_id="many") for place, name in enumerate(names)]
    for name in (names[0], names[500], names[999]):
        write(chdb, "customers", customer_id=name, version=V - 1)
    counting = Counting(chdb)

    RowsEraser(Settings(), cast(Database, counting)).erase("customers", messages)

    assert len(counting.statements) <= 5
    assert max(map(len, counting.statements)) < 256 << 10
    noted = select(
        chdb, "SELECT toInt32(count()), toInt32(sum(deleted)) FROM erasures_rows FINAL WHERE erasure_id = 'many'"
    )
    assert noted == [[1_000, 3]]
    parts = select(chdb, "SELECT part FROM erasures_rows FINAL WHERE erasure_id = 'many'")
    assert {str(part) for (part,) in parts} == {part_of(one) for one in messages}


def test_of_each_key_what_is_below_its_own_version_is_deleted_and_what_began_anew_stays(chdb: Engine) -> None:
    messages = [erased("early", version=V), erased(WHO, version=V + 10), erased("early", version=V - 5)]
    for name, version in (("early", V - 1), ("early", V + 5), (WHO, V + 9), (WHO, V + 10), ("bob", V - 1)):
        write(chdb, "superseded", customer_id=name, event_id=f"of its own {version}", version=version)

    assert erase(chdb, "superseded", *messages) == 2

    left = select(
        chdb, "SELECT customer_id FROM superseded_rows WHERE event_id LIKE 'of its own%' ORDER BY customer_id"
    )
    assert left == [["bob"], ["early"], [WHO]]


def test_orders_are_not_mixed_and_identities_not_of_two_versions() -> None:
    one, other, later = erased("a"), replace(erased("b"), erasure_id="another"), erased("c", version=V + 1)

    assert list(together("customers", [one, other, later])) == [[one, later], [other]]
    assert list(together("identities", [one, other, later])) == [[one], [other], [later]]


def test_what_is_deleted_together_fits_a_statement_however_short_the_keys_are() -> None:
    messages = [erased(f"{number:x}", version=V + number) for number in range(20_000)]

    every = list(whose_of(messages))

    assert [key for whose in every for key in whose.versions] == [f"{number:x}" for number in range(20_000)]
    assert max(len(condition_of(table, whose)) for whose in every for table in CONDITIONS) < 200 << 10


class Told:
    """A database that notes what it is told to do; each count that it is asked for is 1."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, sql: str) -> None:
        self.statements.append(" ".join(sql.split()))

    def query(self, _sql: str, _parameters: object = None, _format: str = "") -> bytes:
        return b"[1]"


def test_rows_are_deleted_by_mutations_that_are_waited_for_and_never_only_hidden() -> None:
    """ClickHouse's `DELETE FROM` marks rows, and leaves them on the disk until a merge."""
    told = Told()
    for table in CONDITIONS:
        erase(cast(Database, told), table, erased())
    erase_letters(cast(Database, told), [Letter("t", 0, 1)])

    deleting = [one for one in told.statements if "DELETE" in one]
    assert len(deleting) == len(CONDITIONS) + len(["owners_rows", "outcomes of letters", "letters"])
    assert {one.split("touchline.")[0] for one in deleting} == {"ALTER TABLE "}
    assert {one.rpartition(" SETTINGS ")[2] for one in deleting} == {"mutations_sync = 2"}
