"""Touchpoints that are dated ahead: of a customer a number is taken, so that none can make somebody else a robot."""

from __future__ import annotations

import pytest

from schemas import journey_log
from schemas.journey_log import Owners, Touchpoint
from streams.journeys.ahead import AHEAD_MAX
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, changed, order, seen_page

FORGED, AHEAD = 1_600, 23 * HOUR
COOKIE = "anon:cookie:k"


def ahead(number: int, by: int = AHEAD, key: str = "ann") -> Touchpoint:
    """Return a page that is received at `T0`, and dated ahead of that by `by` ms and its number."""
    return seen_page(by + number, received_at=T0, event_id=f"forged{number}", customer_key=key, source_offset=number)


def refused(play: Play) -> list[tuple[str, int]]:
    return [(one.reason, one.offset) for output in play.outputs for one in output.refused]


def in_journey(play: Play) -> set[str]:
    return {row["event_id"] for row in play.rows("touchpoints") if row["journey_id"] and not row["late"]}


def test_who_states_many_of_another_ahead_makes_nothing_late_that_the_customer_does() -> None:
    play = Play().at(0).send(*(ahead(number) for number in range(FORGED)))
    assert refused(play) == [("too_many_ahead", number) for number in range(500, FORGED)]

    # Ten hours of orders, of which every other pair comes in the wrong order.
    for hour in range(10):
        play.at(hour * HOUR)
        play.send(order((hour + 1) * HOUR, event_id=f"b{hour}"), order(hour * HOUR + MINUTE, event_id=f"a{hour}"))

    play.at(11 * HOUR)
    assert play.counted("late") == 0
    assert in_journey(play) == {f"{letter}{hour}" for letter in "ab" for hour in range(10)}
    assert play.row("customers")["purchases"] == 20
    assert all(not output.folded_early for output in play.outputs)


def test_what_is_refused_and_what_is_accepted_add_up() -> None:
    play = Play().at(0).send(*(ahead(number) for number in range(FORGED)))

    assert sum(row["accepted"] for row in play.rows("hourly_counts")) == 500
    assert len(play.rows("touchpoints")) == 500
    assert play.counted("refused") == FORGED - 500


def test_a_shop_whose_clock_is_ahead_is_refused_nothing_up_to_the_number() -> None:
    play = Play().at(0).send(*(ahead(number, 6 * MINUTE) for number in range(AHEAD_MAX)))

    assert refused(play) == []
    play.send(seen_page(0), ahead(AHEAD_MAX, 6 * MINUTE))
    assert refused(play) == [("too_many_ahead", AHEAD_MAX)], "only what is ahead itself"


def test_what_was_refused_is_taken_when_it_comes_again_at_its_time() -> None:
    play = Play().at(0).send(*(ahead(number) for number in range(AHEAD_MAX + 1)))
    assert len(refused(play)) == 1

    play.at(AHEAD + MINUTE)
    again = changed(ahead(AHEAD_MAX), received_at=T0 + AHEAD + MINUTE, source_offset=9_999)
    play.send(again).at(AHEAD + 2 * MINUTE)
    assert len(refused(play)) == 1
    assert len(in_journey(play)) == AHEAD_MAX + 1


def test_what_was_ahead_when_it_was_received_counts_no_more_where_the_partition_is_far_behind() -> None:
    play = Play()
    # As in a rebuild: weeks of a source whose clock is an hour ahead, before any time is told.
    received = [T0 + number * 30 * MINUTE for number in range(1_200)]

    play.send(*(seen_page(at - T0 + HOUR, received_at=at) for at in received))
    assert play.partition.time == 0
    assert refused(play) == []


def test_what_was_received_long_ago_is_measured_by_the_time_where_that_is_later() -> None:
    play = Play().at(0).send(*(ahead(number, 6 * MINUTE) for number in range(AHEAD_MAX)))

    play.at(HOUR)
    play.send(ahead(AHEAD_MAX, 7 * MINUTE))
    assert refused(play) == []


def test_large_ones_that_are_ahead_have_a_bound_in_bytes_together_and_one_alone_has_none() -> None:
    large = [changed(ahead(number), text="x" * 600_000) for number in range(2)]
    play = Play().at(0).send(*large, ahead(2))
    assert refused(play) == [("too_many_ahead", 1), ("too_many_ahead", 2)]

    half = [changed(ahead(number), text="x" * 100_000) for number in range(6)]
    assert refused(Play().at(0).send(*half)) == [("too_many_ahead", 5)], "six of them are more than 512 KiB"


@pytest.mark.parametrize("cut", [1, 499, 500, 501, 700])
def test_the_same_ones_are_refused_wherever_the_chunks_are_cut_and_after_a_restart(cut: int) -> None:
    records = [ahead(number) for number in range(800)]
    whole = Play().at(0).send(*records)
    in_parts = Play().at(0).send(*records[:cut]).restarted().send(*records[cut:])

    assert len(refused(whole)) == 300
    assert refused(in_parts) == refused(whole)
    assert in_parts.rows("touchpoints") == whole.rows("touchpoints")


def test_those_of_a_key_that_is_another_customers_have_the_same_bound() -> None:
    play = Play().at(0).send(Owners(COOKIE, [T0 - DAY], ["ann"], 1))
    play.send(*(ahead(number, key=COOKIE) for number in range(FORGED)))
    assert refused(play) == [("too_many_ahead", number) for number in range(500, FORGED)]

    # Beyond a bound what was forwarded is forgotten, and all up to then would be late.
    play.send(seen_page(MINUTE, customer_key=COOKIE))
    assert play.counted("late") == 0
    assert len([record for output in play.outputs for record in output.forwarded]) == 501


def test_large_ones_of_such_a_key_have_a_bound_in_bytes() -> None:
    play = Play().at(0).send(Owners(COOKIE, [T0 - DAY], ["ann"], 1))
    # 3,000 bytes each, and a little more: 192 KiB are 60 or so of them.
    play.send(*(changed(ahead(number, key=COOKIE), text="x" * 3_000) for number in range(100)))

    assert [number for _, number in refused(play)] == list(range(100 - len(refused(play)), 100))
    assert 35 <= len(refused(play)) <= 45


def test_those_that_come_to_one_owner_from_many_keys_make_it_no_robot() -> None:
    keys = [f"{COOKIE}{number}" for number in range(4)]
    play = Play().at(0).send(*(Owners(key, [T0 - DAY], ["ann"], 1) for key in keys))
    for number in range(FORGED):
        play.send(ahead(number, key=keys[number % 4]))
    records = [data for output in play.outputs for _, data in output.forwarded]
    assert len(records) == FORGED
    play.send(*map(journey_log.decode, records))
    assert (play.counted("moved"), play.counted("moved_late"), play.counted("refused")) == (500, 1_100, 0)

    play.at(HOUR).send(order(HOUR + MINUTE, event_id="real"), order(HOUR, event_id="before"))
    play.at(2 * HOUR)
    assert play.counted("late") == 0
    assert in_journey(play) == {"real", "before"}
