"""How long customers wait for a person's first answer, with expectations worked out by hand."""

from __future__ import annotations

from schemas.journey_log import Touchpoint
from tests.unit.journeys.play import DAY, HOUR, MINUTE, case, played, said

METRIC = "first_response_time"


def reply(at: int, to: str | None) -> Touchpoint:
    return said(at, None, author="brand", post_id=f"reply {at}", in_reply_to=to)


def test_a_case_waits_for_the_first_thing_a_person_does() -> None:
    made = [
        case(0, "opened", attributes={"region": "eu"}),
        case(MINUTE, "acknowledged", by="bot"),
        case(2 * MINUTE, "updated", by="customer"),
        case(HOUR, "eta_given", by="agent"),
        case(2 * HOUR, "resolved", by="agent"),
    ]

    play = played(made, until=DAY)

    expected = {"n": 1, "numerator": HOUR, "samples": [HOUR]}
    assert play.metric(METRIC) == expected
    assert play.metric(METRIC, "region", "eu") == expected


def test_a_post_waits_for_the_first_reply_to_it() -> None:
    made = [said(0, None, post_id="a"), said(MINUTE, None, post_id="b"), reply(HOUR, "b"), reply(DAY, "b")]
    made += [said(2 * HOUR, None, post_id="c", event_id="z"), reply(2 * HOUR, "c")]

    play = played([*made, reply(2 * DAY, "of somebody else"), reply(2 * DAY, None)], until=3 * DAY)

    assert play.metric(METRIC)["samples"] == [HOUR - MINUTE, 0]


def test_an_answer_days_later_is_one_and_after_thirty_days_is_none() -> None:
    late = played([case(0, "opened"), case(30 * DAY, "updated", by="agent")], until=31 * DAY)
    too_late = played([case(0, "opened"), case(30 * DAY + 1, "updated", by="agent")], until=31 * DAY)

    assert late.metric(METRIC)["samples"] == [30 * DAY]
    assert too_late.metric(METRIC)["n"] == 0


def test_an_answer_that_arrives_before_the_question_is_its_answer() -> None:
    play = played([reply(HOUR, "a")], until=HOUR)

    play.send(said(0, None, post_id="a"))

    assert play.metric(METRIC)["samples"] == [HOUR]
