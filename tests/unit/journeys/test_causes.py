"""The likely cause of a shift is what the business last did, or what last failed, by the rule of docs/contract.md."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.journey_log import Touchpoint
from tests.unit.journeys.play import DAY, HOUR, MINUTE, Play, call, cart, case, order, played, said, seen_page, survey

GOOD, BAD = 6_000, -6_000
TURN = 10 * DAY
"""When the shift begins."""


def shifted(*before: Touchpoint, onset: Touchpoint | None = None) -> Play:
    """Return what becomes of a customer who was content, and after `before` is not."""
    content = [said(number * HOUR, GOOD) for number in range(5)]
    # What failed before is no onset: they were content after it.
    content.append(said(TURN - 30 * MINUTE, GOOD))
    worse = [said(TURN + number * HOUR, BAD) for number in range(1, 4)]
    return played([*content, *before, onset or said(TURN, BAD), *worse], until=20 * DAY)


def cause_of(play: Play) -> tuple[str | None, str | None]:
    row = play.row("sentiment_shifts")
    return row["cause_event_id"], row["cause_kind"]


CAUSES: dict[str, Touchpoint] = {
    "a page failed": seen_page(TURN - HOUR, ok=False),
    "a payment failed": cart(TURN - HOUR, "payment_failed"),
    "an order was placed": order(TURN - HOUR),
    "money was paid back": order(TURN - HOUR, action="refunded"),
    "an agent answered": call(TURN - HOUR, "answered"),
    "an agent let them wait": call(TURN - HOUR, "held"),
    "they were passed on": call(TURN - HOUR, "transferred"),
    "a call ended": call(TURN - HOUR, "ended"),
    "a bot told of a case": case(TURN - HOUR, "updated", by="bot"),
    "an agent offered a solution": case(TURN - HOUR, "solution_offered", by="agent"),
    "the brand posted": said(TURN - HOUR, None, author="brand"),
}
NO_CAUSES: dict[str, Touchpoint] = {
    "a page was seen": seen_page(TURN - HOUR),
    "a cart was filled": cart(TURN - HOUR, "item_added"),
    "they queued": call(TURN - HOUR, "queued"),
    "they wrote": case(TURN - HOUR, "opened"),
    "a bot had the case": case(TURN - HOUR, "acknowledged", by="bot"),
    "they were asked": survey(TURN - HOUR, "invited"),
    "they posted": said(TURN - HOUR, None),
}


@pytest.mark.parametrize("what", CAUSES)
def test_what_the_business_does_and_what_fails_may_be_the_cause(what: str) -> None:
    assert cause_of(shifted(CAUSES[what])) == (CAUSES[what].event_id, CAUSES[what].kind)


@pytest.mark.parametrize("what", NO_CAUSES)
def test_what_customers_do_themselves_is_none(what: str) -> None:
    assert cause_of(shifted(NO_CAUSES[what])) == (None, None)


def test_what_is_done_in_a_call_is_not_why_it_was_made() -> None:
    parcel = case(TURN - 2 * HOUR, "updated", by="bot")
    phases = [call(TURN - HOUR, "queued"), call(TURN - 50 * MINUTE, "answered"), call(TURN - 40 * MINUTE, "held")]

    assert cause_of(shifted(parcel, *phases, onset=call(TURN, "ended"))) == (parcel.event_id, "case_event")


def test_what_is_done_in_a_call_is_why_it_was_a_good_one() -> None:
    dull = [said(number * HOUR, BAD) for number in range(5)]
    answered = call(TURN - 50 * MINUTE, "answered")
    parcel, phases = case(TURN - 2 * HOUR, "updated", by="bot"), [call(TURN - HOUR, "queued"), answered]
    better = [call(TURN, "ended", resolved=True), *(said(TURN + number * HOUR, GOOD) for number in range(1, 4))]

    play = played([*dull, parcel, *phases, *better], until=20 * DAY)
    assert cause_of(play) == (answered.event_id, "support_call")


def test_where_nothing_else_happened_within_a_day_the_call_itself_is() -> None:
    parcel = case(TURN - DAY - 1, "updated", by="bot")
    held = call(TURN - 40 * MINUTE, "held")
    phases = [call(TURN - HOUR, "queued"), call(TURN - 50 * MINUTE, "answered"), held]

    assert cause_of(shifted(parcel, *phases, onset=call(TURN, "ended"))) == (held.event_id, "support_call")


@pytest.mark.parametrize(("before", "is_cause"), [(7 * DAY, True), (7 * DAY + 1, False)])
def test_what_lies_more_than_a_week_back_is_none(before: int, *, is_cause: bool) -> None:
    bought = order(TURN - before)

    assert (cause_of(shifted(bought))[0] == bought.event_id) is is_cause


def test_what_was_in_another_journey_is_none() -> None:
    content = [said(number * HOUR, GOOD) for number in range(5)]
    bought = order(5 * HOUR)
    worse = [said(40 * DAY + number * HOUR, BAD) for number in range(4)]

    assert cause_of(played([*content, bought, *worse], until=50 * DAY)) == (None, None)


def test_an_answer_has_its_cause_as_a_post_has() -> None:
    bought = order(TURN - HOUR)
    score: dict[str, Any] = {"question_kind": "csat", "score": 1.0, "scale_min": 1.0, "scale_max": 5.0}
    answer = survey(TURN, "answered", question_id="q", normalised=0, **score)

    assert cause_of(shifted(bought, onset=answer)) == (bought.event_id, "purchase")


def test_a_late_touchpoint_is_the_cause_of_a_shift_that_is_known_already() -> None:
    content = [said(number * HOUR, GOOD) for number in range(5)]
    worse = [said(TURN + number * HOUR, BAD) for number in range(4)]
    play = Play().send(*content, *worse).at(TURN + 5 * HOUR)
    assert cause_of(play) == (None, None)
    bought = order(TURN - HOUR)

    assert cause_of(play.send(bought)) == (bought.event_id, "purchase")


def test_what_is_taken_out_is_the_cause_no_longer() -> None:
    bought = order(TURN - HOUR)
    play = Play().send(*[said(number * HOUR, GOOD) for number in range(5)], order(TURN - 2 * HOUR), bought)
    play.send(*[said(TURN + number * HOUR, BAD) for number in range(4)]).at(TURN + 5 * HOUR)
    assert cause_of(play)[0] == bought.event_id

    assert cause_of(play.remove(bought.event_id))[0] not in (None, bought.event_id)


def test_a_cause_is_kept_while_the_series_may_still_turn_there_and_no_more_than_that() -> None:
    """However much happens: a customer of a thousand acts keeps the causes of 24 observations, and two acts."""
    acts = [order(DAY + number * MINUTE) for number in range(1_000)]
    posts = [said(DAY + number * 5 * MINUTE + 1, GOOD) for number in range(200)]
    play = Play().send(*sorted([*acts, *posts], key=lambda one: one.occurred_at)).at(3 * DAY)
    (timeline,) = play.partition.customers._cache.values()

    assert len(timeline.current.observations) == 24
    assert len(timeline.current.acts) <= 26


def test_a_restarted_worker_knows_the_causes() -> None:
    bought = order(TURN - HOUR)
    play = Play().send(*[said(number * HOUR, GOOD) for number in range(5)], bought).at(TURN - HOUR)
    play = play.restarted().send(*[said(TURN + number * HOUR, BAD) for number in range(4)]).at(20 * DAY)

    assert cause_of(play) == (bought.event_id, "purchase")
