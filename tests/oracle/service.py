"""How the views of service differ from what the touchpoints hold; months and days are those of UTC."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from statistics import fmean, median
from typing import Any

from schemas.surveys import shipped
from tests.oracle.cases import case_observations, cases
from tests.oracle.causes import contact_causes
from tests.oracle.cohorts import COHORT_KEY, cohorts
from tests.oracle.compare import Row, Views, World, unequal
from tests.oracle.contacts import CONTACT_KEY, contacts
from tests.oracle.departures import CAMPAIGN_KEY, campaign_value, departures
from tests.oracle.exits import CAUSE_KEY as ABANDONMENT_KEY
from tests.oracle.exits import EXIT_KEY, abandonment_causes, exits
from tests.oracle.follow_up_metrics import follow_up_metrics
from tests.oracle.follow_ups import follow_ups
from tests.oracle.friction import Payment, payments
from tests.oracle.loyalty import Rules, loyalty
from tests.oracle.mentions import Post, posts
from tests.oracle.paths import Solution, Visit, paths
from tests.oracle.staff import observations as staff_observations
from tests.oracle.standing import standing
from tests.oracle.survey_rates import changes, lengths, question_rates, rates, words
from tests.oracle.surveys import (
    Declared,
    Response,
    contradicts,
    is_favourable,
    question_of,
    response_rows,
    responses,
    score_of,
)
from tests.oracle.touchpoints import DAY

VIEWS = (
    "cases", "case_metrics", "staff", "survey_responses", "survey_results", "survey_rates", "survey_question_rates",
    "survey_changes", "survey_words", "mentions", "paths", "friction", "follow_ups", "follow_up_metrics", "cohorts",
    "departures", "campaign_value", "standing", "contact_causes", "customer_contacts", "abandonment_causes", "exits",
)  # fmt: skip
"""The views that are compared."""
CAUSE_KEY = ("month", "step", "failed", "detail", "detail_value", "leads_to")
FOLLOW_UP_KEY = ("customer_id", "reason", "event_id")
METRIC_KEY = ("metric", "grain", "bucket", "dimension", "dimension_value")


def differences(world: World, views: Views, lines: Sequence[Row]) -> list[str]:
    """Return how the views differ from what the world holds, whose own views have the sentiment shifts.

    Args:
        lines: all of the input, of which those of marketing spend are looked at.
    """
    known, spend = declared(), [line for line in lines if line["kind"] == "marketing_spend"]
    of_cases, of_responses, of_abandonments = cases(world), responses(world), list(abandonment_causes(world))
    told = {name: list(history.touches) for name, history in world.people.items()}
    of_follow_ups = list(follow_ups(told, world))
    return [
        *unequal("cases", ("subject", "case_id", "customer_id"), views["cases"], of_cases),
        *unequal("case_metrics", METRIC_KEY, views["case_metrics"], case_metrics(of_cases)),
        *unequal("staff", ("metric", "month", "agent"), views["staff"], staff(world)),
        *unequal("survey_responses", ("response_id",), views["survey_responses"], response_rows(of_responses, known)),
        *unequal("survey_results", RESULT_KEY, views["survey_results"], survey_results(of_responses, known)),
        *unequal("survey_rates", RATE_KEY, views["survey_rates"], survey_rates(of_responses)),
        *unequal(
            "survey_question_rates", QUESTION_KEY, views["survey_question_rates"], survey_question_rates(of_responses)
        ),
        *unequal("survey_changes", QUESTION_KEY, views["survey_changes"], survey_changes(of_responses, known)),
        *unequal("survey_words", (*QUESTION_KEY, "answer"), views["survey_words"], survey_words(of_responses)),
        *unequal("mentions", ("platform", "month"), views["mentions"], mentions(world)),
        *unequal("paths", ("month", "area", "page"), views["paths"], of_paths(world)),
        *unequal("friction", ("month", "kind"), views["friction"], friction(world)),
        *unequal("contact_causes", CAUSE_KEY, views["contact_causes"], contact_causes(world, _day_of, month_of)),
        *unequal("customer_contacts", CONTACT_KEY, views["customer_contacts"], contacts(world)),
        *unequal("abandonment_causes", ABANDONMENT_KEY, views["abandonment_causes"], of_abandonments),
        *unequal("exits", EXIT_KEY, views["exits"], exits(of_abandonments, month_of)),
        *unequal("follow_ups", FOLLOW_UP_KEY, views["follow_ups"], map(_rounded, of_follow_ups)),
        *unequal(
            "follow_up_metrics",
            METRIC_KEY,
            views["follow_up_metrics"],
            follow_up_metrics(of_follow_ups, world.clock),
        ),
        *_loyalty(world, views, spend),
    ]


def _loyalty(world: World, views: Views, spend: Sequence[Row]) -> Iterator[str]:
    rules = Rules()
    said = list(loyalty(world, _sentiments(world), spend, rules, _day_of))
    yield from unequal("customers", ("customer_id",), views["customers"], said)
    yield from unequal("cohorts", COHORT_KEY, views["cohorts"], cohorts(world, month_of))
    yield from unequal("departures", ("customer_id",), views["departures"], departures(world, said, rules))
    found = campaign_value(world, said, spend, rules)
    yield from unequal("campaign_value", CAMPAIGN_KEY, views["campaign_value"], found)
    yield from unequal("standing", ("journey_id",), views["standing"], standing(world))


def _rounded(row: Row) -> Row:
    """Return a row with its scores as they are stored."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


def _day_of(at: int) -> int:
    return at // DAY


def month_of(at: int) -> int:
    """Return when the month of a time begins; both ms."""
    day = datetime.fromtimestamp(at // 1000, UTC).replace(day=1, hour=0, minute=0, second=0)
    return int(day.timestamp() * 1000)


def case_metrics(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Add up by the day, week and month in which cases were opened what is said of each."""
    found: dict[tuple[object, ...], tuple[list[float], list[int], list[int]]] = defaultdict(lambda: ([], [], []))
    for row in rows:
        day = datetime.fromtimestamp(row["opened_at"] // 1000, UTC).replace(hour=0, minute=0, second=0)
        grains = {"1d": day, "1w": day - timedelta(days=day.weekday()), "1mo": day.replace(day=1)}
        dimensions = {name: row[name] for name in ("channel", "source", "topic", "owner") if row[name]}
        for metric, amount, times, undecided in case_observations(row):
            for grain, begins in grains.items():
                for dimension in [("all", ""), *dimensions.items()]:
                    of_one = found[metric, grain, int(begins.timestamp() * 1000), *dimension]
                    amounts, counted, waiting = of_one
                    waiting.append(undecided)
                    if amount is not None and times:
                        amounts.append(amount)
                        counted.append(times)
    for key, (amounts, counted, waiting) in found.items():
        n, undecided = sum(counted), sum(waiting)
        if n or undecided:
            value = sum(amounts) / n if n else None
            yield {**dict(zip(METRIC_KEY, key, strict=True)), "n": n, "undecided": undecided, "value": value}


def staff(world: World) -> Iterator[dict[str, Any]]:
    """Add up by agent and month what is said of each."""
    found: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for metric, agent, at, amount in staff_observations(world):
        found[metric, month_of(at), agent].append(amount)
    for (metric, month, agent), amounts in found.items():
        is_count = metric in ("calls_handled", "cases_solved")
        yield {
            "metric": metric, "month": month, "agent": agent, "n": len(amounts),
            "value": len(amounts) if is_count else fmean(amounts), "enough": len(amounts) >= 30,
        }  # fmt: skip


RESULT_KEY = ("survey_id", "question", "month", "dimension", "dimension_value")


def survey_results(told: Iterable[Response], declared: Declared) -> Iterator[dict[str, Any]]:
    """Add up answers by question, month and dimension."""
    found: dict[tuple[object, ...], list[tuple[float | None, bool, bool]]] = defaultdict(list)
    for response in told:
        for touch in response.answers:
            score = score_of(touch, declared)
            is_good = score is not None and is_favourable(touch, score)
            dimensions = [*response.dimensions, ("channel", touch.channel), ("about", touch.record.get("about"))]
            for dimension in [("all", ""), *(pair for pair in dimensions if pair[1])]:
                survey = touch.record["survey_id"]
                of_one = found[survey, question_of(touch), month_of(touch.at), *dimension]
                of_one.append((score, is_good, contradicts(touch, declared)))
    for key, answers in found.items():
        scores = [score for score, _, _ in answers if score is not None]
        good = sum(is_good for _, is_good, _ in answers)
        yield {
            **dict(zip(RESULT_KEY, key, strict=True)), "answers": len(answers), "n": len(scores), "favourable": good,
            "contradicting": sum(other for _, _, other in answers), "mean": fmean(scores) if scores else None,
            "share": good / len(scores) if scores else None,
        }  # fmt: skip


RATE_KEY = ("survey_id", "month", "dimension", "dimension_value")
QUESTION_KEY = ("survey_id", "month", "question")
ASKED = {survey.id: [question.id for question in survey.question] for survey in shipped()}


def survey_rates(told: Sequence[Response]) -> Iterator[dict[str, Any]]:
    """Add up what became of responses, by survey, month and dimension."""
    asked = lengths(told, ASKED)
    for key, one in rates(told, month_of).items():
        yield {**dict(zip(RATE_KEY, key, strict=True)), **asdict(one), "questions": asked[key[0]]}


def survey_question_rates(told: Sequence[Response]) -> Iterator[dict[str, Any]]:
    """Add up what became of those who came to a survey, by question."""
    found = question_rates(told, ASKED, month_of)
    for key, one in found.items():
        started = found[*key[:2], ""].answered
        yield {**dict(zip(QUESTION_KEY, key, strict=True)), **asdict(one), "started": started}


def survey_changes(told: Iterable[Response], declared: Declared) -> Iterator[dict[str, Any]]:
    """Add up how the same customers' scores differ."""
    for (survey, question, month), differences in changes(told, declared, month_of).items():
        key = dict(zip(QUESTION_KEY, (survey, month, question), strict=True))
        yield {**key, "n": len(differences), "mean_change": fmean(differences)}


def survey_words(told: Iterable[Response]) -> Iterator[dict[str, Any]]:
    """Add up what is said alike."""
    for (survey, question, month), one in words(told, month_of).items():
        key = dict(zip(QUESTION_KEY, (survey, month, question), strict=True))
        for said, n in one.counts.items():
            yield {**key, "answer": min(one.spellings[said]), "n": n, "answers": sum(one.counts.values())}


def mentions(world: World) -> Iterator[dict[str, Any]]:
    """Add up posts by platform and month."""
    sentiments = _sentiments(world)
    found: dict[tuple[str, int], list[Post]] = defaultdict(list)
    for history in world.people.values():
        for post in posts(history.touches, sentiments):
            found[post.platform, month_of(post.posted_at)].append(post)
    for (platform, month), of_one in found.items():
        ratings = [post.rating for post in of_one if post.rating is not None]
        scores = [post.sentiment for post in of_one if post.sentiment is not None]
        seconds = [(post.answered_at - post.posted_at) / 1000 for post in of_one if post.answered_at is not None]
        ages = [(world.clock - post.posted_at) / 1000 for post in of_one if post.answered_at is None]
        yield {
            "platform": platform, "month": month, "posts": len(of_one), "reviews": len(ratings),
            "scored": len(scores), "answered": len(seconds), "unanswered": len(ages),
            "mean_rating": fmean(ratings) if ratings else None, "mean_sentiment": fmean(scores) if scores else None,
            "answer_seconds_p50": median(seconds) if seconds else None,
            "oldest_unanswered_seconds": max(ages) if ages else None,
        }  # fmt: skip


def friction(world: World) -> Iterator[dict[str, Any]]:
    """Add up payments by month and kind."""
    found: dict[tuple[int, str], list[Payment]] = defaultdict(list)
    for history in world.people.values():
        for one in payments(history.touches, world.clock, _day_of):
            found[month_of(one.at), one.kind].append(one)
    for (month, kind), ones in found.items():
        known = [one for one in ones if one.went_wrong is not None]
        yield {
            "month": month, "kind": kind, "n": len(known), "counted": sum(one.went_wrong is True for one in known),
            "overcome": sum(one.overcome for one in ones), "undecided": len(ones) - len(known),
        }  # fmt: skip


def of_paths(world: World) -> Iterator[dict[str, Any]]:
    """Add up visits by month and step."""
    visits: dict[tuple[object, ...], list[Visit]] = defaultdict(list)
    solutions: dict[tuple[object, ...], list[Solution]] = defaultdict(list)
    for history in world.people.values():
        for one in paths(history.touches):
            if isinstance(one, Visit):
                visits[month_of(one.at), *one.step].append(one)
            else:
                solutions[month_of(one.at), *one.step].append(one)
    for key, of_one in visits.items():
        seconds = [solution.seconds for solution in solutions[key]]
        went_on = sum(visit.went_on for visit in of_one)
        yield {
            **dict(zip(("month", "area", "page"), key, strict=True)), "sessions": len(of_one), "went_on": went_on,
            "failed": sum(visit.failed for visit in of_one),
            "searched": sum(visit.searches > 0 for visit in of_one),
            "searched_again": sum(visit.searches > 1 for visit in of_one),
            "contacted": sum(visit.contacted for visit in of_one), "solved": len(seconds),
            "drop_off": 1 - went_on / len(of_one),
            "solution_seconds_p50": median(seconds) if seconds else None,
        }  # fmt: skip


def _sentiments(world: World) -> Mapping[str, float | None]:
    return {touch.event_id: touch.sentiment for history in world.people.values() for touch in history.touches}


def declared() -> Declared:
    """Return the scales of the questionnaires that are shipped."""
    return {
        (survey.id, question.id): (float(scale.scale_min), float(scale.scale_max), scale.higher_is_better)
        for survey in shipped()
        for question in survey.question
        if (scale := survey.scale_of(question)) is not None
    }
