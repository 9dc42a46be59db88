"""An anonymous profile that is over leaves the state; its rows stay, and whoever comes back begins a new one."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import journey_log
from schemas.journey_log import Owners, Tick, Withdrawn
from streams.journeys.partition import CUSTOMER
from streams.journeys.rules import Rules
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, call, cart, case, order, seen_page, survey, times

KEY = "anon:cookie:k"
DAY_OF_T0 = 19_875
"""2024-06-01, counted from 1970-01-01."""
LEFT = 95 * DAY
"""90 days of silence, three in which a touchpoint may be late, and some hours."""


def kept(play: Play) -> dict[bytes, bytes]:
    """Return the customers that the changelog has."""
    entries: dict[bytes, bytes | None] = {}
    for output in play.outputs:
        entries.update(output.state)
    return {key[1:]: value for key, value in entries.items() if key[:1] == CUSTOMER and value is not None}


def visited(at: int = 0, key: str = KEY, rules: Rules | None = None, **more: Any) -> Play:
    return Play(rules).send(seen_page(at, customer_key=key, **more))


def later(play: Play, at: int) -> Play:
    """Let time reach `at`, and then go on by a little: a tombstone follows the position."""
    return play.at(at).at(at + MINUTE)


def test_a_profile_that_is_over_leaves_the_state_and_the_memory() -> None:
    play = visited()
    for day in (1, 31, 89, 92):
        later(play, day * DAY)
        assert list(kept(play)) == [KEY.encode()], day

    later(play, LEFT)

    assert kept(play) == {}
    assert play.partition.sizes["customers"] == 0
    assert play.partition.customers._cache == {}
    assert play.counted("forgotten") == 1


def test_its_rows_stay() -> None:
    play = later(visited(), 40 * DAY)
    rows = {table: play.rows(table) for table in ("touchpoints", "journeys", "customers")}
    assert all(rows.values())
    written = len(play.outputs)

    later(play, LEFT)

    assert {table: play.rows(table) for table in rows} == rows
    sent = {table for output in play.outputs[written:] for table, facts in output.facts.items() if facts}
    assert sent == {"clocks"}


def test_where_time_leaps_its_rows_are_sent_before_it_leaves() -> None:
    """Its journey ends, and it leaves, at one record of the log."""
    play = later(visited(), 400 * DAY).at(402 * DAY).at(402 * DAY + MINUTE)

    (journey,) = play.rows("journeys")
    assert times(journey, "started_at", "ended_at") == [0, 30 * DAY]
    assert play.row("customers")["touchpoints"] == 1
    assert kept(play) == {}


def test_who_comes_back_begins_a_new_profile_whose_rows_cover_no_journey() -> None:
    play = later(visited(), LEFT).at(200 * DAY)
    play.send(*(seen_page(at, customer_key=KEY) for at in (200 * DAY, 200 * DAY + 1)))

    assert [row["journey_id"] for row in play.rows("journeys")] == [
        f"{KEY}#{DAY_OF_T0}",
        f"{KEY}#{DAY_OF_T0 + 200}",
    ]
    row = play.row("customers")
    assert times(row, "first_seen_at", "last_seen_at") == [200 * DAY, 200 * DAY + 1]
    assert row["touchpoints"] == 2
    assert list(kept(play)) == [KEY.encode()]


@pytest.mark.parametrize(("gap", "touchpoints"), [(90 * DAY, 2), (90 * DAY + 1, 1)])
def test_a_new_profile_begins_by_event_time_though_the_state_is_still_there(gap: int, touchpoints: int) -> None:
    play = visited().at(gap).send(seen_page(gap, customer_key=KEY))

    assert play.row("customers")["touchpoints"] == touchpoints


def test_one_that_comes_out_of_order_goes_on_with_the_profile() -> None:
    """It came when the profile seemed to be over, but had happened before; what comes later goes on with it then."""
    play = visited().at(91 * DAY).send(seen_page(91 * DAY, customer_key=KEY))
    assert play.row("customers")["touchpoints"] == 1

    play.send(seen_page(89 * DAY, customer_key=KEY)).at(92 * DAY)

    assert play.row("customers")["touchpoints"] == 3
    assert {row["journey_id"] for row in play.rows("touchpoints")} == {f"{KEY}#{DAY_OF_T0}", f"{KEY}#{DAY_OF_T0 + 89}"}
    assert [row["touchpoints"] for row in play.rows("journeys")] == [1, 2]


def test_a_touchpoint_that_brings_the_end_is_the_first_of_the_new_profile() -> None:
    """By its watermark the state leaves, at the very record that then begins the new one."""
    play = visited().tick(1, settled=300 * DAY).send(seen_page(200 * DAY, customer_key=KEY, watermark=T0 + 200 * DAY))
    play.send(seen_page(200 * DAY + HOUR, customer_key=KEY, watermark=T0 + 200 * DAY + HOUR))

    assert play.row("customers")["touchpoints"] == 2
    assert (play.counted("late"), play.counted("forgotten")) == (0, 1)


@pytest.mark.parametrize("records", [
    [cart(0, "item_added", customer_key=KEY)],
    [order(0, customer_key=KEY)],
    [call(0, "queued", customer_key=KEY)],
    [survey(0, "started", customer_key=KEY)],
    [case(0, "opened", customer_key=KEY), case(DAY, "closed", customer_key=KEY)],
])  # fmt: skip
def test_carts_orders_calls_surveys_and_closed_cases_are_over_by_then(records: list[Any]) -> None:
    assert kept(later(Play().send(*records), LEFT + DAY)) == {}


def test_an_open_case_keeps_its_profile_until_it_is_closed() -> None:
    play = later(Play().send(case(0, "opened", customer_key=KEY)), 1_000 * DAY)
    assert list(kept(play)) == [KEY.encode()]

    play.send(case(1_000 * DAY, "closed", customer_key=KEY))
    assert play.row("customers")["touchpoints"] == 2

    assert kept(later(play, 1_000 * DAY + LEFT)) == {}


def test_a_customer_who_is_known_stays() -> None:
    play = later(visited(key="ann"), 5_000 * DAY).send(seen_page(5_000 * DAY))

    assert play.row("customers")["touchpoints"] == 2
    assert [row["journey_id"] for row in play.rows("journeys")] == ["ann#1", "ann#2"]


def test_a_link_keeps_its_key() -> None:
    play = later(visited().send(Owners(KEY, [T0 + DAY], ["ann"], 7)), 1_000 * DAY)

    assert list(kept(play)) == [KEY.encode()]
    play.send(seen_page(1_000 * DAY, customer_key=KEY))
    assert len(play.outputs[-1].forwarded) == 1


def test_the_setting_says_how_long_the_silence_is() -> None:
    rules = Rules(profile_retention_ms=40 * DAY)

    assert list(kept(later(visited(rules=rules), 39 * DAY))) == [KEY.encode()]
    assert kept(later(visited(rules=rules), 45 * DAY)) == {}


def test_it_waits_for_the_settled_time() -> None:
    play = visited().tick(LEFT, settled=0).tick(300 * DAY, settled=90 * DAY + 3 * DAY).tick(302 * DAY, settled=93 * DAY)
    assert list(kept(play)) == [KEY.encode()]

    play.tick(304 * DAY, settled=93 * DAY + 1).tick(304 * DAY + 1, settled=93 * DAY + 1)

    assert kept(play) == {}


def test_the_tombstone_follows_the_position() -> None:
    """Before that is written, a replay needs the offset: a record of the profile that was read is read again."""
    play = visited().at(40 * DAY)
    play.at(LEFT)
    (stub,) = play.outputs[-1].customers
    assert stub[1] is not None
    assert len(stub[1]) < 100
    assert [key for key, _ in play.outputs[-1].forgotten if key[:1] == CUSTOMER] == []

    play.at(LEFT + 1)

    tombstones = [entry for entry in play.outputs[-1].forgotten if entry[0][:1] == CUSTOMER]
    assert tombstones == [(CUSTOMER + KEY.encode(), None)]


def test_after_a_crash_before_the_position_the_empty_entry_stays_until_its_record_is_read_again() -> None:
    play = visited().at(40 * DAY).at(LEFT)
    last = play.outputs.pop()
    partition = play.restarted().partition
    for key, value in last.customers:
        partition.restore(key, value)
    partition.restored()

    tombstones = []
    for offset in (partition.offset, last_offset := partition.offset + 1, last_offset + 1):
        tick = Tick(T0 + LEFT + 5 * MINUTE, T0 + LEFT + 5 * MINUTE)
        partition.apply(offset, tick, journey_log.encode(tick))
        tombstones.append([key for key, _ in partition.flush().forgotten if key[:1] == CUSTOMER])

    assert tombstones == [[], [], [CUSTOMER + KEY.encode()]]


@pytest.mark.parametrize("restarts_at", [1, 40 * DAY, 92 * DAY, LEFT, LEFT + DAY])
def test_a_restart_changes_nothing(restarts_at: int) -> None:
    play = visited().at(restarts_at).restarted()
    assert play.partition.sizes["customers"] == 1

    later(play, LEFT + DAY)

    assert kept(play) == {}
    assert play.partition.sizes["customers"] == 0


def test_what_another_partition_takes_back_leaves_nothing_behind() -> None:
    """It comes for a profile of which nothing is kept: its row is not taken away."""
    play = later(visited(), LEFT)
    rows = play.rows("customers")

    play.send(Withdrawn(KEY, 3, 1, ["e"])).at(LEFT + DAY)

    assert play.rows("customers") == rows
    assert kept(play) == {}


def test_a_late_touchpoint_of_one_that_has_left_keeps_nothing() -> None:
    play = later(visited(), LEFT).send(seen_page(HOUR, customer_key=KEY))

    assert play.counted("late") == 1
    assert play.row("customers")["touchpoints"] == 1
    assert kept(play) == {}
