"""Follow-ups: which touchpoints are a reason to get back to a customer, and by when; by hand."""

from __future__ import annotations

import pytest

from schemas.follow_ups import read_follow_ups
from schemas.journey_log import Touchpoint
from tests.unit.journeys.follow_up_play import (
    by_agent,
    complaint,
    csat,
    given_up,
    moments,
    nps,
    of,
    play,
    reasons,
    replied,
    turn,
)
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, call, cart, case, order, said, seen_page, survey

# -- reasons -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "reason", "before"),
    [
        ([nps(HOUR, 0)], "poor_answer", -10_000),
        ([nps(HOUR, 6)], "poor_answer", 2_000),
        ([nps(HOUR, 7)], None, None),
        ([nps(HOUR, 8)], None, None),
        ([nps(HOUR, 9)], "thank_you", 8_000),
        ([csat(HOUR, 4_999)], "poor_answer", -2),
        ([csat(HOUR, 5_000)], None, None),
        ([csat(HOUR, 9_999)], None, None),
        ([csat(HOUR, 10_000)], "thank_you", 10_000),
        ([survey(HOUR, "completed", text="fine", sentiment=6_000)], "thank_you", 6_000),
        ([survey(HOUR, "completed", text="fine", sentiment=5_999)], None, None),
        ([csat(HOUR, 7_500, text="fine", sentiment=9_000)], None, None),
        ([complaint(HOUR)], "complaint", -7_000),
        ([complaint(HOUR, text="words", sentiment=7_000)], "complaint", 7_000),
        ([complaint(HOUR, by="agent")], None, None),
        ([case(HOUR, "updated", complaint=True)], "complaint", None),
        ([case(HOUR, "updated", text="thanks", sentiment=6_000)], "thank_you", 6_000),
        ([case(HOUR, "updated", text="thanks", sentiment=6_000, by="agent")], None, None),
        ([case(HOUR, "opened")], None, None),
        ([said(HOUR, 6_000)], "thank_you", 6_000),
        ([said(HOUR, -9_000, rating=5)], "thank_you", 10_000),
        (given_up(HOUR), "abandoned_call", -6_000),
        ([call(HOUR - MINUTE, "answered"), call(HOUR - 30_000, "held"), call(HOUR, "ended")], "abandoned_call", -8_000),
        ([call(HOUR - 4_000, "queued"), call(HOUR, "ended")], None, None),
        ([call(HOUR - MINUTE, "answered"), call(HOUR, "ended", resolved=False)], None, None),
        ([said(HOUR, 5_999)], "unanswered_post", 5_999),
        ([said(HOUR, None)], "unanswered_post", None),
        ([said(HOUR, 9_000, rating=4)], "unanswered_post", 5_000),
        ([replied(HOUR)], None, None),
        (turn(6 * HOUR), "worse", -9_000),
        ([order(HOUR), cart(2 * HOUR, "payment_failed"), seen_page(3 * HOUR, ok=False)], None, None),
    ],
)
def test_what_is_a_reason_to_get_back_to_a_customer(made: list[Touchpoint], reason: str | None, before: int) -> None:
    played = play(*made, until=6 * HOUR)

    assert reasons(played) == ([reason] if reason else [])
    if reason:
        row = of(played, reason)
        cause = made[3] if reason == "worse" else made[-1]
        assert (row["event_id"], row["experience_before"], row["causes"]) == (cause.event_id, before, 1)
        assert (row["happened_at"], row["status"]) == (made[-1].occurred_at, "open")
        assert row["due_at"] - row["happened_at"] == (7 * DAY if reason == "thank_you" else DAY)
        settle = None if reason == "thank_you" else row["happened_at"] + 4 * DAY
        assert row["settle_due_at"] == settle


@pytest.mark.parametrize(
    ("made", "about"),
    [
        (nps(0, 3, about="delivery"), ("r", "delivery", "", "survey")),
        (complaint(0, topic="billing"), ("d", "billing", "", "email")),
        (said(0, 9_000, lang="de", attributes={"region": "eu"}), ("t", "", "de", "web")),
    ],
)
def test_it_says_what_it_is_about(made: Touchpoint, about: tuple[str, ...]) -> None:
    row = play(made).row("follow_ups")

    assert tuple(row[name] for name in ("subject_id", "topic", "lang", "channel")) == about
    assert (row["journey_id"], row["attributes"]) == ("ann#1", made.attributes)


def test_the_value_is_what_the_customer_had_spent_in_their_first_currency_when_it_was_opened() -> None:
    orders = [order(0, 700), order(1, 200), order(2, 900, currency="USD")]

    row = play(*orders, complaint(HOUR), order(2 * HOUR, 5_000)).row("follow_ups")

    assert (row["value_minor"], row["currency"]) == (900, "EUR")
    assert play(complaint(HOUR)).row("follow_ups")["value_minor"] == 0


def test_its_id_is_of_the_reason_the_cause_and_whom_that_states() -> None:
    """Event ids are unique for a customer alone: another's complaint of the same id is another follow-up."""
    named = [("e", "ann"), ("e", "bob"), ("f", "ann"), ("e 7", "bo"), ("7", "bo e"), ("e", "3 ann")]
    made = [play(complaint(0, event_id=event_id, customer_key=key)) for event_id, key in named]
    ids = [played.row("follow_ups")["follow_up_id"] for played in made]
    ids.append(play(said(0, 9_000, event_id="e", customer_key="ann")).row("follow_ups")["follow_up_id"])

    assert len(set(ids)) == len(ids)
    assert {len(one) for one in ids} == {32}
    again = play(complaint(HOUR, event_id="e", customer_key="ann"))
    assert again.row("follow_ups")["follow_up_id"] == ids[0]


def test_a_further_cause_counts_and_changes_no_deadline() -> None:
    made = [complaint(0), complaint(3 * HOUR, "other"), complaint(30 * HOUR, "third")]

    row = play(*made, until=30 * HOUR).row("follow_ups")

    assert (row["causes"], row["subject_id"], row["due_at"]) == (3, "d", T0 + DAY)
    assert moments(row)["missed_at"] == 24


def test_after_its_end_a_cause_begins_another() -> None:
    rows = play(complaint(0), by_agent(HOUR, "resolved"), complaint(2 * HOUR)).rows("follow_ups")

    assert [(row["status"], row["happened_at"] - T0) for row in sorted(rows, key=lambda row: row["happened_at"])] == [
        ("settled", 0),
        ("open", 2 * HOUR),
    ]


# -- deadlines ---------------------------------------------------------------------------------------------------------


def test_it_warns_is_missed_and_expires_where_nobody_does_anything() -> None:
    played = play(complaint(0))
    times = (20 * HOUR - 1, 20 * HOUR, 24 * HOUR, 24 * HOUR + 1, 30 * DAY - 1, 30 * DAY)
    seen = [played.at(at).row("follow_ups")["status"] for at in times]

    assert seen == ["open", "warning", "warning", "missed", "missed", "expired"]
    assert moments(played.row("follow_ups")) == {
        "opened_at": 0, "warned_at": 20, "missed_at": 24, "closed_at": 30 * 24,
    }  # fmt: skip
    assert played.at(60 * DAY).row("follow_ups")["closed_at"] == T0 + 30 * DAY


@pytest.mark.parametrize(("made", "opens_after"), [(given_up(HOUR), 30 * MINUTE), ([said(HOUR, 0)], 4 * HOUR)])
def test_some_wait_before_they_open(made: list[Touchpoint], opens_after: int) -> None:
    opens_at = HOUR + opens_after

    assert play(*made, until=opens_at - 1).rows("follow_ups") == []
    row = play(*made, until=opens_at).row("follow_ups")
    assert (row["opened_at"], row["happened_at"], row["due_at"]) == (T0 + opens_at, T0 + HOUR, T0 + 25 * HOUR)


@pytest.mark.parametrize(
    "ends", [call(80 * MINUTE, "answered", "back"), by_agent(80 * MINUTE), replied(80 * MINUTE), order(80 * MINUTE)]
)
def test_what_would_end_it_before_it_opens_lets_it_never_open(ends: Touchpoint) -> None:
    assert play(*given_up(HOUR), ends, until=9 * HOUR).rows("follow_ups") == []


def test_a_cause_that_comes_while_one_waits_is_one_of_its_causes() -> None:
    row = play(*given_up(HOUR), *given_up(80 * MINUTE), until=2 * HOUR).row("follow_ups")

    assert (row["causes"], row["opened_at"]) == (2, T0 + 90 * MINUTE)


def test_settings_hold_of_a_reason() -> None:
    rules = read_follow_ups(
        "[reasons.complaint]\nopens_after_minutes = 60\ncontact_hours = 2\nsettle_days = 0\nwarn_hours = 4\n"
        "[reasons.poor_answer]\nenabled = false\n"
        '[[owners]]\nowner = "rich"\nmin_spend_minor = 500\n[[owners]]\nowner = "rest"\n'
    )
    made = [nps(0, 0), order(0, 400), order(1, 100), complaint(HOUR)]
    played = play(*made, rules=rules)
    assert played.at(2 * HOUR - 1).rows("follow_ups") == []

    # It would have warned before it was opened.
    row = played.at(2 * HOUR).row("follow_ups")
    assert (row["reason"], row["status"], row["owner"], row["settle_due_at"]) == ("complaint", "warning", "rich", None)
    assert moments(row) == {"opened_at": 2, "warned_at": 2}
    assert moments(played.at(4 * HOUR).row("follow_ups"))["missed_at"] == 3


def test_without_warn_hours_nothing_warns() -> None:
    rules = read_follow_ups("[reasons.complaint]\nwarn_hours = 0\n")

    row = play(complaint(0), until=2 * DAY, rules=rules).row("follow_ups")

    assert moments(row) == {"opened_at": 0, "missed_at": 24}
