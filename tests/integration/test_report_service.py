"""The report's queries on service run on real tables; what they should find is worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.calendars import read_calendars
from sinks.migrate import Declared
from tests.contract.engine import Engine
from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.sinks.made_up import MadeUp, play
from touchline.report.service import Care, OpenCase, OpenFollowUps
from touchline.report.service_queries import read_care

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp() * 1000)
LAST = FIRST + 10 * DAY
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CALENDAR = '[[calendar]]\nname = "nights"\ntime_zone = "UTC"\n' + "".join(
    f'hours.{day} = ["00:00-01:30"]\n' for day in DAYS
)


class Shop(MadeUp):
    """A shop whose cases, posts, calls, surveys and visits are told by the hour."""

    def case(self, case_id: str, hour: float, phase: str, by: str, **more: Any) -> None:
        self.add("case_event", FIRST + int(hour * HOUR), case_id, case_id=case_id, phase=phase, by=by, **more)

    def post(self, hour: float, customer: str, post_id: str, **more: Any) -> None:
        self.add("tweet", FIRST + int(hour * HOUR), customer, post_id=post_id, text="", lang="de", **more)

    def call(self, customer: str, agent: str, score: int) -> None:
        """Add a call that is answered after 10 seconds, and what its caller answers a day later."""
        phases = (("queued", 0, None), ("answered", 10_000, agent), ("ended", 60_000, agent))
        for phase, later, who in phases:
            at = FIRST + HOUR + later
            self.add("support_call", at, customer, call_id=f"call of {customer}", phase=phase, agent_id=who)
        said: tuple[dict[str, Any], ...] = (
            {"question_id": "overall", "question_kind": "rating", "score": score},
            {"question_id": "praise", "question_kind": "text", "text": f"{agent.title()}!" if score > 3 else agent},
        )
        for answer in said:
            self.add(
                "survey_answer", FIRST + DAY, customer, response_id=f"r of {customer}", survey_id="service",
                phase="answered", **answer,
            )  # fmt: skip


@pytest.fixture
def care(chdb: Engine, tmp_path: Path) -> Care:
    shop = Shop(seed=1, first=FIRST, days=1)
    shop.case("t1", 0, "opened", "customer")
    shop.case("t1", 1, "eta_given", "agent", eta_at=FIRST + 10 * HOUR)
    shop.case("t1", 5, "resolved", "agent")
    shop.case("t2", 0, "opened", "customer", topic="delivery")
    shop.case("t3", 1, "opened", "customer")
    shop.case("t3", 31, "acknowledged", "agent")
    shop.post(0, "c1", "p1")
    shop.post(2, "c1", "p1 answered", author="brand", in_reply_to="p1")
    shop.post(3, "c2", "p2")
    shop.call("c3", "eli", 5)
    shop.call("c4", "eli", 4)
    shop.call("c5", "eli", 2)
    for number in range(30):
        for minute, page in enumerate(("/a", "/b")):
            shop.add(
                "page_view", FIRST + minute * MINUTE, f"v{number}", page=page, ok=not (page == "/a" and number < 3)
            )
    shop.add("page_view", FIRST, "v99", page="/seldom", ok=False)
    play(chdb, tmp_path, shop.lines, declared=Declared(read_calendars(CALENDAR)), until=LAST)

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        lines = chdb.query(sql, parameters, "JSONEachRow").splitlines()
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]

    return read_care(ask, until=LAST - DAY)


def test_shares_are_of_cases_posts_and_calls_beside_their_targets(care: Care) -> None:
    found = {share.name: (share.estimate.value, share.estimate.n, share.target) for share in care.shares}

    # t1 and p1 were answered within a day; t2, t3 and p2 were not.
    assert found == {
        "answered_in_24h": (0.4, 5, 0.9),
        "service_level": (1, 3, 0.8),
        "promises_kept": (1, 1, None),
        "first_contact_resolution": (1, 1, None),
        # Nobody has got back to who gave two points of five, nor to who posted p2.
        "follow_ups_in_time": (0, 2, 0.9),
        "follow_ups_settled": (0, 2, None),
    }


def test_durations_are_those_of_half_of_the_cases(care: Care) -> None:
    found = {one.name: (one.median, one.n) for one in care.durations}

    # Answered after 1, 30 and 2 hours. From midnight to half past one it works: t1 waited an hour of that, the post one
    # and a half, and t3 half an hour on the first night and one and a half on the second.
    assert found == {
        "first_response": (2 * 3600, 3),
        "first_response_business": (1.5 * 3600, 3),
        "resolution": (5 * 3600, 1),
        "resolution_business": (1.5 * 3600, 1),
        "longest_silence": (4 * 3600, 1),
    }
    assert care.longest_silence == 4 * 3600


def test_what_waits_has_its_age_at_the_time_that_is_asked_for(care: Care) -> None:
    assert (care.waiting.cases, care.waiting.unanswered) == (2, 1)
    assert care.waiting.oldest == [
        OpenCase("t2", "t2", "delivery", 9 * 24 * 3600, answered=False),
        OpenCase("t3", "t3", "", (9 * 24 - 1) * 3600, answered=True),
    ]
    assert care.mentions is not None
    assert (care.mentions.answered.value, care.mentions.answered.n) == (0.5, 2)
    assert care.mentions.oldest == (9 * 24 - 3) * 3600


def test_whom_nobody_has_got_back_to_is_told_by_reason(care: Care) -> None:
    assert care.follow_ups == [
        OpenFollowUps("poor_answer", 1, 1, 8 * 24 * 3600),
        OpenFollowUps("unanswered_post", 1, 1, (9 * 24 - 3) * 3600),
    ]


def test_answers_are_told_by_question_and_by_who_was_called(care: Care) -> None:
    (overall,) = care.questions
    (eli,) = care.staff

    assert (overall.question, overall.text) == ("overall", "How was our service overall?")
    assert (round(overall.estimate.value, 6), overall.estimate.n) == (0.666667, 3)
    assert (eli.name, round(eli.estimate.value, 6), eli.estimate.n) == ("eli", 0.666667, 3)
    # However they write it.
    assert care.praised == {"Eli!": 3}


def test_pages_are_told_that_enough_sessions_have_seen(care: Care) -> None:
    found = [(page.name, page.sessions, page.failed, page.lost) for page in care.pages]

    assert found == [("/a", 30, 3, 0), ("/b", 30, 0, 30)]
    assert care.fewest == 30
