"""How the simulated shop serves its customers, and that the truth about it can be recounted."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest

from touchline.simulate import simulate
from touchline.simulate.care import unhappy

Event = dict[str, Any]
DAY = timedelta(days=1)
RATED = ["staff_available", "greeting", "friendliness", "answers", "knowledge", "advice", "courtesy", "overall"]


@pytest.fixture(scope="module")
def stream() -> tuple[list[Event], Event]:
    events, truth = simulate(250, 60, seed=4)
    return list(events), truth["service"]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def of_kind(events: list[Event], kind: str, **fields: object) -> list[Event]:
    return [event for event in events if event["kind"] == kind and all(event.get(k) == v for k, v in fields.items())]


def test_truth_of_cases_recounted(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    opened = {step["case_id"]: moment(step["occurred_at"]) for step in of_kind(events, "case_event", phase="opened")}
    answers: dict[str, datetime] = {}
    for event in events:
        is_answer = event.get("by") == "agent" or (event["kind"] == "support_call" and event["phase"] == "answered")
        if is_answer and event.get("case_id"):
            answers.setdefault(event["case_id"], moment(event["occurred_at"]))
    in_a_day = [case for case, at in opened.items() if case in answers and answers[case] - at <= DAY]
    told = of_kind(events, "case_event", phase="eta_given")
    ends = [step for step in of_kind(events, "case_event") if step["phase"] in ("resolved", "closed")]
    last = {step["case_id"]: step["phase"] for step in of_kind(events, "case_event") if step["phase"] != "updated"}
    again = {step["case_id"] for step in of_kind(events, "case_event", phase="reopened")}
    assert truth["cases"] == {
        "opened": len(opened),
        "answered_in_24h": len(in_a_day),
        "solved": sum(last[case] in ("resolved", "closed") for case in opened),
        "reopened": len(again & opened.keys()),
        "promises": len(told),
        "promises_kept": sum(
            any(
                step["case_id"] == promise["case_id"]
                and promise["occurred_at"] <= step["occurred_at"] <= promise["eta_at"]
                for step in ends
            )
            for promise in told
        ),
    }
    assert 0 < truth["cases"]["promises_kept"] < len(told)
    assert len(in_a_day) < len(opened)
    assert of_kind(events, "case_event", phase="updated", by="agent")
    assert any(call.get("case_id") in opened for call in of_kind(events, "support_call"))


def test_truth_of_the_service_questionnaire_recounted(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    told = of_kind(events, "survey_answer", survey_id="service")
    phases = Counter(event["phase"] for event in told)
    scores: dict[str, Counter[str]] = defaultdict(Counter)
    for event in told:
        if "score" in event:
            scores[event["question_id"]][str(int(event["score"]))] += 1
    survey = truth["service_survey"]
    assert [survey[phase] for phase in ("invited", "started", "completed")] == [
        phases[phase] for phase in ("invited", "started", "completed")
    ]
    assert phases["completed"] < phases["started"] < phases["invited"]
    assert {question: +Counter(counts) for question, counts in survey["answers"].items()} == scores
    # Fewer answer each further question.
    answered = [scores[question].total() for question in RATED]
    assert answered == sorted(answered, reverse=True)
    assert answered[-1] < answered[0]
    praised = Counter(event["text"] for event in told if event.get("question_id") == "praise")
    assert survey["praised"] == praised
    assert len(praised) > 1


def test_whom_the_shop_has_to_get_back_to_is_told_and_mostly_done(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    poor = {
        event["event_id"]
        for event in of_kind(events, "survey_answer")
        if "score" in event
        and (event["score"] <= 6 if event["question_kind"] == "nps" else event["score"] < event["scale_max"] / 2 + 0.5)
    }
    complaints = {event["event_id"] for event in of_kind(events, "case_event") if event.get("complaint")}
    calls: dict[str, list[Event]] = defaultdict(list)
    for event in of_kind(events, "support_call"):
        calls[event["call_id"]].append(event)
    abandoned = {
        phases[-1]["event_id"]
        for phases in calls.values()
        if phases[-1]["phase"] == "ended"
        and (
            phases[-2]["phase"] == "held"
            or (
                phases[-2]["phase"] == "queued"
                and moment(phases[-1]["occurred_at"]) - moment(phases[-2]["occurred_at"]) >= timedelta(seconds=5)
            )
        )
    }
    expected = {
        **dict.fromkeys(poor, "poor_answer"),
        **dict.fromkeys(complaints, "complaint"),
        **dict.fromkeys(abandoned, "abandoned_call"),
    }
    assert {one["event_id"]: one["reason"] for one in truth["unhappy"]} == expected
    assert set(expected.values()) == {"poor_answer", "complaint", "abandoned_call"}
    waited = [moment(one["contacted_at"]) - moment(one["at"]) for one in truth["unhappy"] if one["contacted_at"]]
    assert sum(wait <= DAY for wait in waited) / len(expected) > 0.4
    assert any(wait > DAY for wait in waited)
    assert any(wait > 4 * DAY for wait in waited) or len(waited) < len(expected)


def test_posts_and_pages_recounted(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    posts = of_kind(events, "tweet")
    reviews = [post["rating"] for post in posts if post.get("rating")]
    by_customers = [post for post in posts if post.get("author") != "brand"]
    assert truth["posts"] == {
        "by_customers": len(by_customers),
        "answered": len({post["in_reply_to"] for post in posts if post.get("in_reply_to")}),
        "reviews": len(reviews),
        "stars": sum(reviews),
    }
    assert {post.get("platform") for post in by_customers} == {None, "reviews", "forum"}
    pages = of_kind(events, "page_view")
    searches = [page for page in pages if page["action"] == "search"]
    assert truth["pages"] == {"failed": sum(not page["ok"] for page in pages), "searches": len(searches)}
    assert of_kind(events, "page_view", action="pay", ok=False)


def test_a_call_of_which_only_the_end_is_seen_makes_nobody_unhappy() -> None:
    end = {"kind": "support_call", "call_id": "c", "phase": "ended", "event_id": "e"}
    assert unhappy(5, end, [(5, end)]) is None
    queued = {**end, "phase": "queued"}
    assert unhappy(5_001, end, [(0, queued), (5_001, end)]) == "abandoned_call"
    assert unhappy(4_999, end, [(0, queued), (4_999, end)]) is None
