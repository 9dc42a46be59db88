"""Follow-ups when touchpoints come late, move to another customer or are taken out, and the signals of it; by hand."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.journey_log import Owners, Touchpoint
from schemas.topics import SIGNAL_FOLLOW_UPS
from streams.journeys.signals import Signal
from streams.journeys.state import STATE_MAX_BYTES
from tests.unit.journeys.follow_up_play import by_agent, complaint, given_up, moments, nps, of, play, reasons, turn
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, call, changed, order, said, seen_page
from tests.unit.journeys.two_partitions import GUEST, Two, owners

LOGS_IN = owners(7, (0, "ann"))
NOBODY = owners(8)


def signals(played: Play | Two) -> list[dict[str, Any]]:
    """Return the signals of follow-ups in the order in which they were sent."""
    found: list[Signal] = played.signals if isinstance(played, Two) else []
    if isinstance(played, Play):
        found = [one for output in played.outputs for one in output.signals]
    return [one.record for one in found if one.topic == SIGNAL_FOLLOW_UPS]


def told(played: Play | Two) -> list[tuple[object, ...]]:
    """Return of each signal the customer, the status, and whether it is retracted."""
    return [(one["customer_id"], one["status"], one["retracted"]) for one in signals(played)]


# -- late --------------------------------------------------------------------------------------------------------------


def test_a_contact_that_comes_late_was_in_time_all_the_same() -> None:
    played = play(complaint(0), until=26 * HOUR)
    assert moments(played.row("follow_ups")).keys() == {"opened_at", "warned_at", "missed_at"}

    played.send(by_agent(2 * HOUR))

    row = played.row("follow_ups")
    assert (row["status"], moments(row)) == ("contacted", {"opened_at": 0, "contacted_at": 2})


def test_a_good_answer_that_comes_late_settles_what_was_missed() -> None:
    played = play(complaint(0), until=26 * HOUR).send(nps(HOUR, 8))

    row = of(played, "complaint")
    assert (row["status"], row["closed_at"], row["missed_at"]) == ("settled", T0 + HOUR, None)


def test_a_correction_that_comes_late_withdraws_it() -> None:
    played = play(nps(0, 2), until=26 * HOUR).send(nps(HOUR, 8))

    row = played.row("follow_ups")
    assert (row["status"], moments(row)) == ("withdrawn", {"opened_at": 0, "closed_at": 1})


def test_an_answer_of_before_its_correction_that_comes_late_is_never_poor_for_long() -> None:
    played = play(nps(HOUR, 8), until=2 * HOUR)
    assert played.rows("follow_ups") == []

    assert played.send(nps(0, 2)).row("follow_ups")["status"] == "withdrawn"


def test_a_cause_that_comes_late_is_the_first_and_the_other_counts_in_it() -> None:
    later = complaint(5 * HOUR, "later")
    played = play(later, until=6 * HOUR)
    before = played.row("follow_ups")["follow_up_id"]

    row = played.send(complaint(HOUR, "first")).row("follow_ups")

    assert (row["subject_id"], row["causes"], row["due_at"]) == ("first", 2, T0 + 25 * HOUR)
    last = {one["follow_up_id"]: one["retracted"] for one in signals(played)}
    assert last == {before: True, row["follow_up_id"]: False}


def test_a_call_back_that_comes_late_lets_it_never_have_been_opened() -> None:
    played = play(*given_up(HOUR), until=3 * HOUR)
    assert reasons(played) == ["abandoned_call"]

    assert played.send(call(70 * MINUTE, "answered", "back")).rows("follow_ups") == []
    assert told(played) == [("ann", "open", False), ("ann", "open", True)]


def test_what_a_late_touchpoint_does_not_concern_stays_as_it_was_with_its_moment() -> None:
    """The recomputation begins behind the complaint, and warns in the one fold only."""
    played = play(complaint(0), order(-DAY), until=19 * HOUR).send(seen_page(19 * HOUR + MINUTE)).at(21 * HOUR)
    before = played.row("follow_ups")
    assert before["warned_at"] == T0 + 20 * HOUR

    assert played.send(seen_page(19 * HOUR + 2 * MINUTE)).row("follow_ups") == before
    assert played.send(by_agent(19 * HOUR + 3 * MINUTE)).row("follow_ups")["warned_at"] is None


@pytest.mark.parametrize("days", [5, 20])
def test_a_contact_that_is_taken_out_leaves_what_began_long_before_as_it_was(days: int) -> None:
    """After 20 days the complaint and its deadlines are folded: what began before both folds is told by the state."""
    contact = by_agent(days * DAY + HOUR)
    played = play(complaint(0), until=2 * DAY).at(days * DAY).send(seen_page(days * DAY))
    before = played.row("follow_ups")
    assert before["status"] == "missed"
    assert played.send(contact).row("follow_ups")["status"] == "contacted"

    assert played.remove(contact.event_id).row("follow_ups") == before


def test_it_goes_on_after_a_restart() -> None:
    played = play(complaint(0), until=HOUR).restarted().at(21 * HOUR).restarted().send(by_agent(22 * HOUR))

    assert moments(played.row("follow_ups")) == {"opened_at": 0, "warned_at": 20, "contacted_at": 22}


# -- another's ---------------------------------------------------------------------------------------------------------


def guests(*made: Touchpoint) -> list[Touchpoint]:
    return [changed(one, customer_key=GUEST) for one in made]


def shown(two: Two) -> dict[object, tuple[object, ...]]:
    """Return of each follow-up whose it is, its status, its causes, and whose it was."""
    return {
        (row["reason"], row["follow_up_id"]): (
            row["customer_id"], row["status"], row["causes"], row["previous_customer_id"],
        )
        for row in two.seen("follow_ups")
    }  # fmt: skip


@pytest.mark.parametrize("days", [2, 5, 20])
def test_a_guests_abandoned_call_follows_the_guest_to_the_owner(days: int) -> None:
    """Two days ago its touchpoints move; before that it leaves as a thing does. Either way it is no news."""
    at = -days * DAY
    two = Two().send(*guests(*given_up(at))).at(at + HOUR)
    ((key, row),) = shown(two).items()
    assert row == (GUEST, "open", 1, None)
    two.at(-MINUTE)
    status = signals(two)[-1]["status"]

    two.send(seen_page(0), LOGS_IN).at(HOUR)

    assert shown(two) == {key: ("ann", status, 1, GUEST)}
    last = {one["customer_id"]: (one["retracted"], one["previous_customer_id"]) for one in signals(two)}
    assert last == {GUEST: (True, None), "ann": (False, GUEST)}
    assert {one["follow_up_id"] for one in signals(two)} == {key[1]}  # type: ignore[index]  # a reason and an id

    two.send(call(2 * HOUR, "answered", "back"))
    assert shown(two) == {key: ("ann", "settled", 1, GUEST)}


@pytest.mark.parametrize("days", [2, 5])
def test_it_is_the_guests_again_where_the_link_was_taken_back(days: int) -> None:
    at = -days * DAY
    two = Two().send(*guests(complaint(at))).at(-MINUTE).send(seen_page(0), LOGS_IN)
    assert [row[0] for row in shown(two).values()] == ["ann"]

    two.send(NOBODY).at(HOUR)

    assert [row[0] for row in shown(two).values()] == [GUEST]


@pytest.mark.parametrize(("owners_at", "previous"), [(-4 * DAY, None), (-2 * DAY, GUEST)])
def test_of_what_owner_and_guest_have_both_the_one_that_is_the_owners_first_goes_on_for_both(
    owners_at: int, previous: str | None
) -> None:
    """The guest's is the owner's from three days before the login on."""
    two = Two().send(*guests(complaint(-5 * DAY)), complaint(owners_at)).at(-MINUTE)
    assert len(shown(two)) == 2

    two.send(seen_page(0), LOGS_IN).at(HOUR)

    assert list(shown(two).values()) == [("ann", "missed", 2, previous)]


def test_what_has_ended_stays_the_guests() -> None:
    two = Two().send(*guests(complaint(-5 * DAY), by_agent(-4 * DAY, "resolved"))).at(-MINUTE)

    two.send(seen_page(0), LOGS_IN).at(HOUR)

    assert [row[:2] for row in shown(two).values()] == [(GUEST, "settled")]


def test_what_is_older_than_what_the_owner_gets_stays_and_expires() -> None:
    started = owners(7, (0, "ann"))
    narrow = Owners(GUEST, started.since, started.owners, 7, adopted_since=[T0 - 4 * DAY])
    two = Two().send(*guests(complaint(-5 * DAY))).at(-MINUTE).send(seen_page(0), narrow).at(40 * DAY)

    assert [row[:2] for row in shown(two).values()] == [(GUEST, "expired")]


def test_what_is_taken_out_is_retracted() -> None:
    made = complaint(0)
    played = play(made).remove(made.event_id)

    assert played.rows("follow_ups") == []
    assert told(played) == [("ann", "open", False), ("ann", "open", True)]


# -- signals -----------------------------------------------------------------------------------------------------------


def test_each_change_is_signalled_to_the_customers_partition() -> None:
    played = play(complaint(0)).send(complaint(HOUR, "again"))
    played.at(21 * HOUR).at(25 * HOUR).send(by_agent(26 * HOUR)).send(order(27 * HOUR))

    assert [(one["status"], one["causes"], one["changed_at"] - T0) for one in signals(played)] == [
        ("open", 1, 0),
        ("open", 2, HOUR),
        ("warning", 2, 20 * HOUR),
        ("missed", 2, 24 * HOUR + 1),
        ("contacted", 2, 26 * HOUR),
        ("settled", 2, 27 * HOUR),
    ]
    assert {one.key for output in played.outputs for one in output.signals} == {b"ann"}


def test_what_changes_nothing_is_no_signal() -> None:
    played = play(complaint(0))

    played.send(seen_page(HOUR), said(2 * HOUR, -100)).at(3 * HOUR)

    assert told(played) == [("ann", "open", False)]


def test_a_signal_says_all_that_the_row_says_and_is_read_by_its_schema() -> None:
    played = play(order(0, 700), *turn(6 * HOUR)).send(by_agent(7 * HOUR))
    codec = Codec(FileRegistry())

    last = signals(played)[-1]

    row = of(played, "worse")
    assert codec.encode("FollowUp", last)
    natural = {"experience_before": -0.9, "experience_after": None, "retracted": False}
    assert last == {name: row[name] for name in last if name not in natural} | natural
    assert (last["value_minor"], last["currency"], last["status"]) == (700, "EUR", "contacted")
    first = signals(play(complaint(0)))[0]
    assert (first["value_minor"], first["currency"]) == (None, None)


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_a_robot_has_one_of_each_reason_and_no_more() -> None:
    played = Play()
    for number in range(60):
        at = number * HOUR
        more = {"attributes": {f"{name:0128}": "x" * 128 for name in range(16)}}
        made = [complaint(at, f"d{number}", **more), said(at + 1, 0, post_id=f"t{number}", **more)]
        made += [nps(at + 2, number % 11, response_id=f"r{number}", **more), *given_up(at + MINUTE)]
        played.send(*made).at(at + MINUTE)

    (timeline,) = played.partition.customers._cache.values()
    follow_ups = timeline.current.follow_ups
    assert follow_ups is not None
    assert len(follow_ups.running) <= 6
    assert len(follow_ups.asked) == 20
    assert timeline.current.most_bytes <= STATE_MAX_BYTES


def test_a_customer_without_any_keeps_nothing_of_them() -> None:
    played = Play().send(
        seen_page(0), order(1), call(2, "queued"), call(3, "answered"), call(4, "ended", resolved=True)
    )

    (timeline,) = played.partition.customers._cache.values()
    assert timeline.current.follow_ups is None
