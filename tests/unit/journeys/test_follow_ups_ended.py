"""Follow-ups: who gets to the customer, what ends them, what was felt before and after, and thanks; by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.follow_ups import FollowUpRules, read_follow_ups
from schemas.journey_log import Touchpoint
from tests.unit.journeys.follow_up_play import (
    by_agent,
    by_time,
    complaint,
    csat,
    given_up,
    moments,
    nps,
    of,
    play,
    replied,
    seen_by,
)
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, call, case, order, said, seen_page, survey

# -- contact and end ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contact", [call(HOUR, "answered"), by_agent(HOUR), replied(HOUR)])
def test_a_person_of_the_business_gets_to_the_customer(contact: Touchpoint) -> None:
    played = play(complaint(0), contact)

    assert moments(played.row("follow_ups")) == {"opened_at": 0, "contacted_at": 1}
    assert played.at(29 * DAY).row("follow_ups")["status"] == "contacted"
    assert played.at(30 * DAY).row("follow_ups")["status"] == "expired"


@pytest.mark.parametrize(
    "nobody",
    [
        case(HOUR, "acknowledged", by="bot"),
        case(HOUR, "opened", "new", by="agent"),
        said(HOUR, None, author="brand", post_id="b"),
        call(HOUR, "queued"),
        seen_page(HOUR),
    ],
)
def test_what_is_no_contact(nobody: Touchpoint) -> None:
    assert play(complaint(0), nobody).row("follow_ups")["status"] == "open"


def test_who_gets_to_the_customer_at_the_last_moment_is_in_time_and_a_millisecond_later_is_late() -> None:
    for late in (0, 1):
        played = play(complaint(0)).at(23 * HOUR).send(by_agent(DAY + late)).at(2 * DAY)
        row = played.row("follow_ups")
        assert (row["status"], row["missed_at"]) == ("contacted", T0 + DAY if late else None)
        assert row["contacted_at"] == T0 + DAY + late


@pytest.mark.parametrize("reason", ["abandoned_call", "unanswered_post", "thank_you"])
def test_a_contact_is_the_end_of_what_wants_no_more(reason: str) -> None:
    causes = {"abandoned_call": given_up(0), "unanswered_post": [said(0, 0)], "thank_you": [nps(0, 10)]}
    played = play(*causes[reason]).at(5 * HOUR).send(replied(6 * HOUR), replied(8 * HOUR))

    row = of(played, reason)
    assert row["status"] == "settled"
    assert {name: moments(row)[name] for name in ("contacted_at", "closed_at")} == {"contacted_at": 6, "closed_at": 6}


@pytest.mark.parametrize(
    ("settles", "after"),
    [
        ([seen_by(HOUR, 1)], 1),
        ([said(HOUR, 1)], 1),
        ([nps(HOUR, 7)], 4_000),
        ([call(HOUR - MINUTE, "answered", "c"), call(HOUR, "ended", "c", resolved=True)], 5_000),
        ([order(HOUR)], None),
        ([by_agent(HOUR, "resolved")], None),
        ([case(HOUR, "resolved", by="bot")], None),
    ],
)
def test_what_the_customer_says_or_does_settles_it(settles: list[Touchpoint], after: int | None) -> None:
    row = of(play(complaint(0), *settles), "complaint")

    assert (row["status"], row["closed_at"], row["experience_after"]) == ("settled", T0 + HOUR, after)


@pytest.mark.parametrize(
    "nothing",
    [
        seen_by(HOUR, 0),
        nps(HOUR, 6),
        complaint(HOUR, text="great job", sentiment=3_000),
        order(HOUR, 0),
        order(HOUR, action="refunded"),
        by_agent(HOUR, "closed"),
        call(HOUR, "ended", resolved=False),
    ],
)
def test_what_does_not_settle(nothing: Touchpoint) -> None:
    assert of(play(complaint(0), nothing), "complaint")["closed_at"] is None


def test_an_order_that_is_stated_again_is_no_new_one() -> None:
    stated = [order(at, amount, order_id="o") for at, amount in ((0, 500), (2 * HOUR, 700))]

    assert play(stated[0], complaint(HOUR), stated[1]).row("follow_ups")["status"] == "open"


def test_what_a_customer_does_settles_no_thanks() -> None:
    assert of(play(nps(0, 10), order(HOUR), said(2 * HOUR, 9_000)), "thank_you")["status"] == "open"


def test_what_happens_at_the_moment_of_the_cause_is_not_about_it() -> None:
    assert play(complaint(0), by_agent(0), order(0)).row("follow_ups")["status"] == "open"


def test_a_happy_post_settles_the_one_before_and_waits_for_an_answer_itself() -> None:
    played = play(said(0, -1, post_id="a"), until=5 * HOUR).send(said(6 * HOUR, 1, post_id="b")).at(11 * HOUR)

    assert [(row["subject_id"], row["status"]) for row in sorted(played.rows("follow_ups"), key=by_time)] == [
        ("a", "settled"),
        ("b", "open"),
    ]


# -- experience --------------------------------------------------------------------------------------------------------


def test_the_experience_after_is_the_first_since_the_contact() -> None:
    played = play(complaint(0), seen_by(HOUR, -1_000))
    assert played.row("follow_ups")["experience_after"] is None

    later = [by_agent(2 * HOUR, "escalated"), seen_by(3 * HOUR, -2_000), seen_by(4 * HOUR, -3_000)]
    row = played.send(*later).row("follow_ups")

    assert (row["status"], row["experience_after"]) == ("contacted", -2_000)


def test_of_what_is_settled_without_a_contact_it_is_the_first_since_it_was_opened() -> None:
    row = play(complaint(0), seen_by(HOUR, -1_000), seen_by(2 * HOUR, 500)).row("follow_ups")

    assert (row["status"], row["experience_after"]) == ("settled", -1_000)


def test_what_is_settled_waits_30_days_for_the_next_experience() -> None:
    for at, after in ((20 * DAY, -4_000), (30 * DAY, None)):
        made = [complaint(0), by_agent(HOUR, "resolved"), seen_by(at, -4_000), seen_by(at + 1, -5_000)]
        row = play(*made, until=at + 1).row("follow_ups")
        assert (row["status"], row["experience_after"]) == ("settled", after)


def test_an_expired_one_without_a_contact_has_no_experience_after() -> None:
    row = play(complaint(0), seen_by(HOUR, -1_000), until=31 * DAY).row("follow_ups")

    assert (row["status"], row["experience_after"]) == ("expired", None)


# -- corrections -------------------------------------------------------------------------------------------------------


def test_an_answer_that_is_corrected_takes_its_follow_up_along() -> None:
    played = play(nps(0, 3), nps(HOUR, 2))
    assert (played.row("follow_ups")["causes"], played.row("follow_ups")["status"]) == (1, "open")

    row = played.send(nps(2 * HOUR, 8)).row("follow_ups")

    assert (row["status"], row["causes"], row["closed_at"]) == ("withdrawn", 0, T0 + 2 * HOUR)


def test_one_of_two_causes_may_be_withdrawn() -> None:
    row = play(nps(0, 3), csat(1, 0), nps(HOUR, 7)).row("follow_ups")

    # The seven says that the customer is not unhappy: it settles what the other answer began.
    assert (row["causes"], row["status"]) == (1, "settled")


def test_a_better_answer_of_before_its_follow_up_takes_no_cause_from_the_next() -> None:
    made = [nps(0, 3), by_agent(HOUR, "resolved"), csat(2 * HOUR, 0), nps(3 * HOUR, 5, normalised=5_000)]
    rows = play(*made, nps(4 * HOUR, 8, normalised=5_000)).rows("follow_ups")

    assert sorted((row["happened_at"] - T0, row["status"], row["causes"]) for row in rows) == [
        (0, "settled", 1),
        (2 * HOUR, "open", 1),
    ]


def test_praise_that_is_taken_back_is_thanked_for_no_more_and_may_be_once_again() -> None:
    played = play(nps(0, 10), nps(HOUR, 2), nps(2 * HOUR, 9, response_id="again"))

    found = sorted((row["reason"], row["status"], row["happened_at"] - T0) for row in played.rows("follow_ups"))
    assert found == [
        ("poor_answer", "settled", HOUR),
        ("thank_you", "open", 2 * HOUR),
        ("thank_you", "withdrawn", 0),
    ]


# -- thanks ------------------------------------------------------------------------------------------------------------


def thanks(*made: Touchpoint, rules: FollowUpRules | None = None) -> list[tuple[int, bool]]:
    """Return when thanks were due to begin, and whether one may ask."""
    rows = play(*made, until=91 * DAY, rules=rules).rows("follow_ups")
    found = [row for row in rows if row["reason"] == "thank_you"]
    return sorted((row["happened_at"] - T0, row["may_ask"]) for row in found)


def test_a_customer_is_thanked_once_in_90_days() -> None:
    praise = [said(at, 9_000, post_id=f"t{at}") for at in (0, DAY, 90 * DAY - 1, 90 * DAY)]
    replies = [replied(at + HOUR) for at in (0, 90 * DAY)]

    assert thanks(*sorted([*praise, *replies], key=lambda one: one.occurred_at)) == [(0, True), (90 * DAY, True)]


def invited(at: int, response_id: str) -> Touchpoint:
    return survey(at, "invited", response_id)


@pytest.mark.parametrize(
    ("asked", "may_ask"),
    [
        ([], True),
        ([invited(0, "a")], True),
        ([invited(0, "a"), invited(1, "b")], False),
        ([invited(0, "a"), survey(1, "started", "a"), survey(2, "answered", "a")], True),
        ([invited(0, "a"), survey(1, "started", "b")], False),
        ([survey(0, "started", "a"), survey(1, "completed", "b")], False),
        ([invited(0, "a"), survey(1, "started", "b"), survey(DAY, "started", "a")], False),
    ],
)
def test_one_may_ask_who_was_not_asked_twice_in_90_days(asked: Sequence[Touchpoint], may_ask: bool) -> None:
    assert thanks(*asked, said(90 * DAY - 1, 9_000)) == [(90 * DAY - 1, may_ask)]


def test_who_was_asked_90_days_ago_was_not_asked_in_90_days() -> None:
    assert thanks(invited(0, "a"), invited(1, "b"), said(90 * DAY, 9_000)) == [(90 * DAY, True)]


def test_a_response_is_asked_for_once_by_the_first_that_is_heard_of_it() -> None:
    asked = [invited(0, "a"), survey(10 * DAY, "started", "a"), invited(11 * DAY, "b")]

    assert thanks(*asked, said(90 * DAY, 9_000)) == [(90 * DAY, True)]


def test_the_settings_say_how_often_one_may_ask() -> None:
    made = [invited(0, "a"), invited(1, "b"), said(5 * DAY, 9_000)]

    assert thanks(*made, rules=read_follow_ups("asks = 3")) == [(5 * DAY, True)]
    assert thanks(*made, rules=read_follow_ups("ask_days = 4")) == [(5 * DAY, True)]
    assert thanks(*made, rules=read_follow_ups("asks = 0")) == [(5 * DAY, False)]
