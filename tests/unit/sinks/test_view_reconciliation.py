"""The view `reconciliation`: what was accepted and refused is compared with what the tables hold, by topic and hour."""

from __future__ import annotations

from itertools import chain
from typing import Any

import msgspec
import pytest

from schemas.dead_letters import refusal_of
from schemas.inputs import input_topics
from schemas.rows import DeadLetterRow
from sinks.database import select
from sinks.migrate import migrate
from streams.journeys.rules import Rules
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.journeys.play import DAY, HOUR, MINUTE, Play, order, seen_page
from tests.unit.sinks.views import write

pytestmark = pytest.mark.embedded

PURCHASES, PAGES = "touchpoints.purchases.v1", "touchpoints.page_views.v1"
TWEETS, CHANGES, SPEND = "touchpoints.tweets.v1", "business.changes.v1", "business.marketing_spend.v1"
TEN = "2024-06-01 10:00:00.000"
"""The hour of `T0`."""
MIDNIGHT = "2024-05-01 00:00:00.000"
"""The hour of `MAY_1`."""
EPOCH = 1 << 48
"""Added to the version of a row of the first epoch, gives that of the second."""


def store(chdb: Engine, play: Play) -> None:
    """Store all rows of a play, as a sink does."""
    for table, rows in chain.from_iterable(output.facts.items() for output in play.outputs):
        chdb.write(table, [msgspec.structs.astuple(row) for row in rows])


def seen(chdb: Engine, *columns: str) -> dict[tuple[str, str], Any]:
    """Return columns of the view by topic and hour."""
    rows = select(
        chdb, f"SELECT topic, toString(hour), {', '.join(f'toInt32({name})' for name in columns)} FROM reconciliation"
    )
    return {(str(topic), str(hour)): values for topic, hour, *values in rows}


def missing(chdb: Engine) -> dict[tuple[str, str], int]:
    """Return what is missing, where something is."""
    return {place: n for place, [n] in seen(chdb, "missing").items() if n}


def refuse(chdb: Engine, offset: int = 41) -> None:
    """Store a dead letter, and what says so."""
    write(chdb, "dead_letters", offset=offset)
    write(chdb, "outcomes", kind="tweet", outcome="refused", subject=TWEETS, event=f"2/{offset}")


def state_change(chdb: Engine, event_id: str, at: int, version: int) -> None:
    """Store a business change, and what says that it was stated."""
    write(chdb, "business_changes", event_id=event_id, occurred_at=at, version=version)
    stated = {"subject": "b1", "event": event_id, "at": at, "version": version}
    write(chdb, "outcomes", kind="business_change", outcome="stated", **stated)


def spend_money(chdb: Engine) -> None:
    write(chdb, "marketing_spend")
    write(chdb, "outcomes", kind="marketing_spend", outcome="stated", subject="m1", event="e8")


def everything() -> Play:
    """Return purchases at ten, one of them twice, a page view an hour later, and one that comes days too late."""
    twice = order(0, customer_key="bob")
    play = Play().send(twice, order(59 * MINUTE), twice, seen_page(HOUR)).at(10 * DAY)
    late = order(HOUR + MINUTE, customer_key="eve")
    return play.send(late, late)


def fill(chdb: Engine, play: Play) -> None:
    store(chdb, play)
    refuse(chdb)
    state_change(chdb, "first", MAY_1, 1)
    state_change(chdb, "second", MAY_1 + HOUR, 2)
    spend_money(chdb)


ELEVEN, ONE = "2024-06-01 11:00:00.000", "2024-05-01 01:00:00.000"


def test_every_message_is_accounted_for(chdb: Engine) -> None:
    fill(chdb, everything())

    columns = ("accepted", "late", "refused", "duplicates", "superseded", "found", "refused_found", "missing")
    assert seen(chdb, *columns) == {
        (PURCHASES, TEN): [2, 0, 0, 1, 0, 2, 0, 0],
        (PURCHASES, ELEVEN): [1, 1, 0, 0, 0, 1, 0, 0],
        (PAGES, ELEVEN): [1, 0, 0, 0, 0, 1, 0, 0],
        (TWEETS, MIDNIGHT): [0, 0, 1, 0, 0, 0, 1, 0],
        # The first statement has no row any more.
        (CHANGES, MIDNIGHT): [1, 0, 0, 0, 1, 0, 0, 0],
        (CHANGES, ONE): [1, 0, 0, 0, 0, 1, 0, 0],
        (SPEND, MIDNIGHT): [1, 0, 0, 0, 0, 1, 0, 0],
    }


@pytest.mark.parametrize(
    ("table", "which", "place"),
    [
        ("touchpoints", "customer_id = 'bob'", (PURCHASES, TEN)),
        ("touchpoints", "kind = 'page_view'", (PAGES, ELEVEN)),
        ("touchpoints", "late", (PURCHASES, ELEVEN)),
        ("dead_letters", "offset = 41", (TWEETS, MIDNIGHT)),
        ("business_changes", "change_id = 'b1'", (CHANGES, ONE)),
        ("marketing_spend", "spend_id = 'm1'", (SPEND, MIDNIGHT)),
    ],
)
def test_a_row_deleted_by_hand_is_missing_until_it_is_stored_again(
    chdb: Engine, table: str, which: str, place: tuple[str, str]
) -> None:
    play = everything()
    fill(chdb, play)
    refuse(chdb, offset=42)
    assert missing(chdb) == {}

    chdb.execute(f"ALTER TABLE touchline.{table}_rows DELETE WHERE {which} SETTINGS mutations_sync = 1")

    assert missing(chdb) == {place: 1}
    # What is read again is stored again, under the same versions.
    fill(chdb, play)
    assert missing(chdb) == {}


def test_a_touchpoint_that_comes_again_when_its_id_is_forgotten_is_a_duplicate(chdb: Engine) -> None:
    first = order(0)
    # The next one lets the first, which is past the allowed lateness, be folded.
    store(chdb, Play().send(first).at(10 * DAY).send(seen_page(10 * DAY)).send(first, first))

    assert seen(chdb, "accepted", "late", "duplicates", "found", "missing")[PURCHASES, TEN] == [1, 0, 1, 1, 0]


def test_a_late_touchpoint_with_the_key_of_another_kinds_row_is_a_duplicate_of_its_own_kind(chdb: Engine) -> None:
    first = order(0)
    play = Play().send(first).at(10 * DAY).send(seen_page(10 * DAY))
    store(chdb, play.send(seen_page(0, event_id=first.event_id)))
    # Merged, the table holds the row on time alone.
    chdb.execute("OPTIMIZE TABLE touchline.touchpoints_rows FINAL")

    counts = seen(chdb, "accepted", "duplicates", "found", "missing")
    assert counts[PURCHASES, TEN] == [1, 0, 1, 0]
    assert counts[PAGES, TEN] == [0, 1, 0, 0]


def test_rows_that_are_not_counted_yet_are_not_missing_and_hide_nothing_for_long(chdb: Engine) -> None:
    play = Play().send(order(0)).send(order(0))
    for output in play.outputs:
        # The sink has stored the rows of both chunks, and the count of the first.
        chdb.write("touchpoints", [msgspec.structs.astuple(row) for row in output.facts["touchpoints"]])
    chdb.write("hourly_counts", [msgspec.structs.astuple(row) for row in play.outputs[0].facts["hourly_counts"]])

    assert seen(chdb, "accepted", "found", "missing") == {(PURCHASES, TEN): [1, 2, 0]}


@pytest.mark.parametrize("late", [False, True])
def test_after_a_new_epoch_only_what_that_has_counted_is_asked_for(chdb: Engine, late: bool) -> None:
    again, gone = order(0, customer_key="ann"), order(MINUTE, customer_key="bob")
    before = Play().send(seen_page(0)).at(10 * DAY) if late else Play()
    store(chdb, before.send(again, gone))

    # The topics were made anew, and no longer hold all that they held.
    store(chdb, Play(Rules(epoch=1)).send(again))

    assert seen(chdb, "accepted", "found", "missing")[PURCHASES, TEN] == [1, 2, 0]
    chdb.execute(
        "ALTER TABLE touchline.touchpoints_rows DELETE WHERE customer_id = 'ann' AND kind = 'purchase' "
        "SETTINGS mutations_sync = 1"
    )
    assert missing(chdb) == {(PURCHASES, TEN): 1}


def test_counts_of_all_partitions_make_the_hour(chdb: Engine) -> None:
    for partition in range(3):
        write(chdb, "hourly_counts", partition=partition, accepted=1, duplicates=2)
        write(chdb, "touchpoints", event_id=f"e{partition}")
    write(chdb, "clocks")

    assert seen(chdb, "accepted", "duplicates", "found", "missing") == {(PURCHASES, MIDNIGHT): [3, 6, 3, 0]}


def test_what_holds_no_longer_is_counted_as_superseded(chdb: Engine) -> None:
    placed = order(0, order_id="o")
    store(chdb, Play().send(placed, order(MINUTE, order_id="o", amount=2_000)))

    assert seen(chdb, "accepted", "superseded", "found")[PURCHASES, TEN] == [2, 1, 2]


def test_hours_past_the_retention_are_not_judged(chdb: Engine) -> None:
    write(chdb, "hourly_counts", accepted=3)
    write(chdb, "clocks")
    assert missing(chdb) == {(PURCHASES, MIDNIGHT): 3}
    try:
        # As `migrate` stores it, without the deletion itself: that takes its time. May 2024 is long past it.
        chdb.execute("INSERT INTO touchline.settings_rows VALUES ('retention_days', '30', 1000)")
        assert seen(chdb, "accepted", "missing") == {(PURCHASES, MIDNIGHT): [3, 0]}
    finally:
        chdb.execute("TRUNCATE TABLE touchline.settings_rows")
        migrate(chdb)


def test_the_retention_is_stored_for_the_view(chdb: Engine) -> None:
    value = "SELECT value FROM settings_rows FINAL WHERE name = 'retention_days'"
    try:
        migrate(chdb, retention_days=30)
        assert select(chdb, value) == [["30"]]
    finally:
        migrate(chdb)
    assert select(chdb, value) == [[""]]


def test_an_hour_is_final_three_days_after_its_end(chdb: Engine) -> None:
    write(chdb, "hourly_counts")
    told: list[Any] = []
    for clocks in ({}, {"settled": MAY_1 + HOUR + 3 * DAY - 1}, {"settled": MAY_1 + HOUR + 3 * DAY}, {"partition": 1}):
        write(chdb, "clocks", **clocks, version=2 + len(told))
        told.append(seen(chdb, "final")[PURCHASES, MIDNIGHT])

    assert told == [[0], [0], [1], [0]]


def test_a_condition_on_the_hour_reads_only_the_months_that_it_names(chdb: Engine) -> None:
    for table, time in (("touchpoints", "occurred_at"), ("hourly_counts", "hour"), ("outcomes", "at")):
        for month in range(4):
            write(chdb, table, **{time: MAY_1 + month * 31 * DAY})

    plan = chdb.query(
        "EXPLAIN indexes = 1 SELECT missing FROM reconciliation WHERE hour >= '2024-06-01' AND hour < '2024-07-01'",
        output_format="TSVRaw",
    ).decode()

    for table in ("touchpoints", "hourly_counts", "outcomes"):
        _, _, read = plan.partition(f"(touchline.{table}_rows)")
        assert "Parts: 1/4" in read.partition("ReadFrom")[0], read[:2000]


def test_topics_are_those_that_the_setting_names(chdb: Engine) -> None:
    inputs = input_topics("purchase=shop.orders+shop.refunds,tweet=social,case_event=social")
    migrate(chdb, inputs=inputs)
    try:
        store(chdb, everything())
        for topic in ("social", "shop.refunds"):
            write(chdb, "dead_letters", topic=topic, offset=41)
        for letter in (letter_of("social"), letter_of("shop.refunds")):
            outcome = refusal_of(letter, inputs)
            assert outcome is not None
            chdb.write("outcomes", [msgspec.structs.astuple(outcome)])

        rows = select(
            chdb, "SELECT topic, kind, sum(accepted), sum(refused), sum(missing) FROM reconciliation GROUP BY ALL"
        )

        assert {(str(topic), str(kind)): [int(str(n)) for n in counts] for topic, kind, *counts in rows} == {
            ("shop.orders+shop.refunds", "purchase"): [3, 1, 0],
            (PAGES, "page_view"): [1, 0, 0],
            ("social", ""): [0, 1, 0],
        }
    finally:
        migrate(chdb)


def letter_of(topic: str) -> DeadLetterRow:
    return DeadLetterRow(topic, 2, 41, "undecodable", "no", "ingest", MAY_1, b"", 1)
