"""The hourly counts say how many rows an hour has to have, whatever the order, cuts, repeats and crashes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.journey_log import Touchpoint
from streams.journeys.rules import Rules
from tests.simulation.arrivals import RULES, as_log, delayed
from tests.simulation.journeys_log import Tables, process_with_crashes
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, changed, order, seen_page
from tests.unit.journeys.test_order import LAGS, histories

Hour = tuple[str, int]
"""A kind, and the start of an hour."""


def hour_of(touchpoint: Touchpoint) -> Hour:
    return touchpoint.kind, touchpoint.occurred_at // HOUR * HOUR


def stated(rows: list[dict[str, Any]], time: str) -> Counter[Hour]:
    return Counter((row["kind"], row[time] // HOUR * HOUR) for row in rows)


def counted(tables: Tables, what: str) -> Counter[Hour]:
    """Return what the tables count of accepted touchpoints, or of duplicates, wherever they count it."""
    seen = tables.seen()
    total = Counter[Hour]({(row["kind"], row["hour"]): row[what] for row in seen["hourly_counts"]})
    outcome = {"accepted": "accepted", "duplicates": "duplicate"}[what]
    return total + stated([row for row in seen["outcomes"] if row["outcome"] == outcome], "at")


@settings(max_examples=100, deadline=None)
@given(histories(), st.data(), st.integers(0, 10_000), st.integers(0, 5), LAGS)
def test_they_are_what_was_sent_and_what_the_table_holds(
    history: list[Touchpoint], data: st.DataObject, seed: int, crashes: int, lag: int
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(history), max_size=10, unique_by=lambda one: one.event_id))
    sent = delayed([*history, *repeated], seed, 2 * DAY)

    tables = process_with_crashes(as_log(sent, lag), RULES, seed, crashes)

    seen = tables.seen()
    assert counted(tables, "accepted") == Counter(map(hour_of, history))
    assert counted(tables, "accepted") == stated(seen["touchpoints"], "occurred_at")
    # A repeat whose id is forgotten is late; each of the others is a duplicate.
    late = [row for row in seen["outcomes"] if row["outcome"] == "late"]
    assert counted(tables, "duplicates") + stated(late, "at") == Counter(map(hour_of, repeated))


def test_an_hour_is_forgotten_when_nothing_in_it_can_be_on_time() -> None:
    play = Play().send(seen_page(0)).at(3 * DAY - 5 * MINUTE)
    assert forgotten(play) == []
    # In the hour's last minute it may still come; its end, 11:00, is three days before 11:00.
    play.at(3 * DAY + 59 * MINUTE - 5 * MINUTE).at(3 * DAY + HOUR - 5 * MINUTE)
    assert forgotten(play) == []

    # The next position is written behind it, then the tombstone.
    play.at(3 * DAY + HOUR)

    assert len(forgotten(play)) == 1
    assert counted(play.restarted().at(4 * DAY).tables, "accepted") == {("page_view", T0): 1}


def forgotten(play: Play) -> list[bytes]:
    return [key for output in play.outputs for key, value in output.forgotten if value is None and key[:1] == b"h"]


def test_a_duplicate_of_an_hour_that_is_counted_no_more_is_told_by_its_message() -> None:
    first = seen_page(0)
    again = [changed(first, source_offset=number) for number in (41, 42, 42)]

    play = Play().send(first, first).at(4 * DAY).at(4 * DAY + HOUR).send(*again)

    assert counted(play.tables, "accepted") == {("page_view", T0): 1}
    # One in the hour itself, and two messages, of which one was read twice.
    assert counted(play.tables, "duplicates") == {("page_view", T0): 3}
    told = [(row["subject"], row["event"]) for row in play.rows("outcomes")]
    assert told == [("test", "0/41"), ("test", "0/42")]


def test_a_late_touchpoint_is_told_by_its_key_and_counted_in_no_hour() -> None:
    play = Play().send(seen_page(0)).at(10 * DAY)
    late = order(2 * DAY, customer_key="bob")

    play.send(late, late)

    assert counted(play.tables, "accepted") == {("page_view", T0): 1}
    (told,) = play.rows("outcomes")
    assert told == {
        "kind": "purchase",
        "at": T0 + 2 * DAY,
        "outcome": "late",
        "subject": "bob",
        "event": late.event_id,
    }


def test_where_the_lateness_was_raised_a_forgotten_hour_is_not_counted_from_zero() -> None:
    play = Play().send(seen_page(0)).at(5 * DAY).at(5 * DAY + HOUR)
    longer = Rules(allowed_lateness_ms=30 * DAY)

    play.restarted(longer).send(seen_page(MINUTE, customer_key="bob"))

    assert [(row["accepted"]) for row in play.rows("hourly_counts")] == [1]
    assert [(row["outcome"], row["subject"]) for row in play.rows("outcomes")] == [("accepted", "bob")]
    assert counted(play.tables, "accepted") == {("page_view", T0): 2}
