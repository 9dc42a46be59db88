"""What the queries of docs/questions.md on service should give, worked out of the sample's lines."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sinks.database import select
from tests.oracle import service
from tests.oracle.cases import cases
from tests.oracle.causes import contact_causes
from tests.oracle.effects import change_effects
from tests.oracle.exits import abandonment_causes, exits
from tests.oracle.friction import Payment, payments
from tests.oracle.groups import share_interval
from tests.oracle.levels import Sums, anomalies, judge
from tests.oracle.paths import Visit, paths
from tests.oracle.survey_rates import changes, lengths, question_rates, rates, words
from tests.oracle.surveys import (
    Response,
    is_favourable,
    question_of,
    responses,
    score_of,
)
from tests.oracle.topics import by_words, mentions
from tests.oracle.touchpoints import milliseconds
from tests.unit.questions_shop import Rows, Shop, at, shown

STREAMS = Path(__file__).parents[2] / "streams"
HOUR_S = 3_600
DAY_S = 24 * HOUR_S
DECLARED = service.declared()
KINDS = {
    "nps": "nps", "csat": "share", "ces": "share", "orders": "count", "revenue": "sum", "refunds": "sum",
    "cart_abandonment_rate": "share", "call_abandonment_rate": "share", "speed_of_answer": "duration",
    "hold_time": "duration", "service_level": "share", "survey_abandonment_rate": "share",
    "first_response_time": "duration", "sentiment": "mean", "experience": "mean", "sentiment_shifts": "share",
}  # fmt: skip
LOWER_IS_BETTER = {
    "refunds", "cart_abandonment_rate", "call_abandonment_rate", "speed_of_answer", "hold_time",
    "survey_abandonment_rate", "first_response_time", "sentiment_shifts",
}  # fmt: skip


def rounded(value: float) -> Any:
    """Return what equals the value to three decimals, whichever way one that lies between two is rounded."""
    return pytest.approx(value, abs=5.1e-4)


def own_cases(shop: Shop) -> Iterator[dict[str, Any]]:
    """Give the cases, without posts."""
    return (row for row in cases(shop.world) if row["subject"] == "case")


def kept_waiting(shop: Shop) -> Rows:
    rows = [
        [row["customer_id"], row["case_id"], row["topic"] or "", round(row["age_seconds"] / DAY_S, 1),
         row["waiting_seconds"] is None]
        for row in own_cases(shop) if row["status"] == "open"
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[3], row[1]))


def broken_promises(shop: Shop) -> Rows:
    rows = [
        [row["customer_id"], row["case_id"], row["owner"] or "", row["promised"], row["promises_broken"]]
        for row in own_cases(shop) if row["promises_broken"]
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[4], row[1]))


def asked_again(shop: Shop) -> Rows:
    rows = [
        [row["customer_id"], row["case_id"], row["topic"] or "", row["contacts"], row["status"]]
        for row in own_cases(shop) if row["contacts"] > 1
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[3], row[1]))


def answered_within_a_day(shop: Shop) -> Rows:
    answers: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
    for row in cases(shop.world):
        if row["answered_in_24h"] is not None:
            judged = (row["customer_id"], float(row["answered_in_24h"]))
            answers[shown(service.month_of(row["opened_at"])), row["channel"]].append(judged)
    rows: Rows = []
    for (month, channel), of_one in sorted(answers.items()):
        share = sum(in_time for _, in_time in of_one) / len(of_one)
        rows.append([month, channel, len(of_one), round(share, 4), *share_interval(of_one), 0.9])
    return rows


def longest_silences(shop: Shop) -> Rows:
    rows = [
        [row["customer_id"], row["case_id"], round(row["longest_silence_seconds"] / HOUR_S, 1), row["updates"]]
        for row in own_cases(shop) if row["resolved_at"] is not None
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[2], row[1]))[:10]


def complaints(shop: Shop) -> Rows:
    found: dict[str, list[bool]] = defaultdict(list)
    for row in own_cases(shop):
        found[row["topic"] or ""].append(row["complaint"])
    total = sum(map(sum, found.values()))
    rows = [[about, len(ones), sum(ones), round(sum(ones) / total, 4)] for about, ones in found.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def scores(shop: Shop, keys: Callable[[Response, str], list[str]]) -> dict[str, list[tuple[float, bool]]]:
    """Return scores, and whether they are good, by the keys of a response and a question."""
    found: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for response in responses(shop.world):
        for touch in response.answers:
            score = score_of(touch, DECLARED)
            if score is not None:
                for key in keys(response, question_of(touch)):
                    found[key].append((score, is_favourable(touch, score)))
    return found


def worst_questions(shop: Shop) -> Rows:
    found = scores(shop, lambda response, question: [f"{response.survey}/{question}"])
    rows: Rows = [
        [*key.split("/"), len(ones), round(fmean(good for _, good in ones), 4), rounded(fmean(one for one, _ in ones))]
        for key, ones in found.items() if len(ones) >= 20
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row[3], row[0], row[1]))


def given_up(shop: Shop) -> Rows:
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    found = question_rates(responses(shop.world), service.ASKED, service.month_of)
    for (survey, _, question), one in found.items():
        counts[survey, question][0] += one.answered
        counts[survey, question][1] += one.gave_up
    rows: Rows = [[*key, came, left, round(left / came, 4)] for key, (came, left) in counts.items() if left]
    return sorted(rows, key=lambda row: (-row[3], row[0], row[1]))


def by_length(shop: Shop) -> Rows:
    told = responses(shop.world)
    asked, counts = lengths(told, service.ASKED), dict[int, list[int]]()
    for (survey, _, dimension, _), one in rates(told, service.month_of).items():
        if dimension == "all":
            sums = counts.setdefault(asked[survey], [0, 0])
            sums[0] += one.started
            sums[1] += one.completed
    return [[length, began, done, round(done / began, 4)] for length, (began, done) in sorted(counts.items())]


def changed(shop: Shop) -> Rows:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (survey, question, _), ones in changes(responses(shop.world), DECLARED, service.month_of).items():
        found[survey, question] += ones
    return [
        [*key, len(ones), sum(one > 0 for one in ones), sum(one < 0 for one in ones), rounded(fmean(ones))]
        for key, ones in sorted(found.items())
    ]


def best_staff(shop: Shop) -> Rows:
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for response in responses(shop.world):
        score = response.score(DECLARED)
        if response.staff is not None and score is not None:
            found[response.staff].append((response.customer, score))
    rows: Rows = [
        [name, len({customer for customer, _ in ones}), len(ones), fmean(score for _, score in ones)]
        for name, ones in found.items()
    ]
    return [[*row, rounded(mean)] for *row, mean in sorted(rows, key=lambda row: (-row[3], row[0]))]


def praised(shop: Shop) -> Rows:
    counts: dict[str, int] = defaultdict(int)
    for (survey, question, _), one in words(responses(shop.world), service.month_of).items():
        if (survey, question) == ("service", "praise"):
            for said, n in one.counts.items():
                counts[min(one.spellings[said])] += n
    return sorted(([name, n] for name, n in counts.items()), key=lambda row: (-row[1], row[0]))


def bad_reviews(shop: Shop) -> Rows:
    answered = {line["in_reply_to"] for line in shop.of("tweet") if line.get("in_reply_to")}
    owners = shop.owners
    return [
        [shown(at(line)), owners[line["event_id"]], line["platform"], line["rating"], line["text"]]
        for line in shop.of("tweet")
        if line.get("rating", 5) <= 2 and line["post_id"] not in answered
    ]


def visits(shop: Shop) -> dict[tuple[str, str], list[Visit]]:
    """Return the visits to pages, by area and page."""
    found: dict[tuple[str, str], list[Visit]] = defaultdict(list)
    for history in shop.world.people.values():
        for one in paths(history.touches):
            if isinstance(one, Visit) and one.step[1]:
                found[one.step].append(one)
    return found


def pages_that_lose(shop: Shop) -> Rows:
    rows: Rows = [
        [page, len(ones), round(1 - fmean(one.went_on for one in ones), 4), sum(one.failed for one in ones)]
        for (_, page), ones in visits(shop).items() if len(ones) >= 30
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def help_that_does_not(shop: Shop) -> Rows:
    rows: Rows = [
        [page, len(ones), sum(one.contacted for one in ones), round(fmean(one.contacted for one in ones), 4)]
        for (area, page), ones in visits(shop).items() if area == "help"
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[3], row[0]))


def worst_products(shop: Shop) -> Rows:
    found = scores(shop, lambda response, _: list(response.skus))
    rows: Rows = [[sku, len(ones), round(fmean(good for _, good in ones), 4)] for sku, ones in found.items()]
    return sorted((row for row in rows if row[1] >= 20), key=lambda row: (row[2], row[0]))


def payments_that_fail(shop: Shop) -> Rows:
    found: dict[str, list[Payment]] = defaultdict(list)
    for history in shop.world.people.values():
        for one in payments(history.touches, shop.world.clock, lambda at: at // (DAY_S * 1000)):
            found[one.kind].append(one)
    return [
        [kind, len(known), sum(one.went_wrong is True for one in known), sum(one.overcome for one in known)]
        for kind, ones in sorted(found.items())
        if (known := [one for one in ones if one.went_wrong is not None])
    ]


def what_makes_customers_call(shop: Shop) -> Rows:
    rows: list[list[Any]] = []
    for one in contact_causes(shop.world, lambda at: at // (DAY_S * 1000), service.month_of):
        if one["leads_to"] == "call" and one["n"] >= 10 and one["difference_low"] > 0:
            step = [one[name] for name in ("step", "failed", "detail", "detail_value", "n", "counted")]
            seconds = one["extra_seconds"]
            hours = None if seconds is None else rounded(seconds / HOUR_S)
            rows.append([shown(one["month"])[:7], *step, round(one["extra"], 3), hours])
    # The query leaves out a step where a detail of it has the same days.
    rows.sort(key=lambda row: (-row[7], row[0], [-ord(letter) for letter in row[3]] + [1], row[1], row[2], row[4]))
    once: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        once.setdefault((*row[:3], *row[5:7]), row)
    return list(once.values())[:10]


def where_things_are_left(shop: Shop) -> Rows:
    found: dict[tuple[str, str, str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in exits(list(abandonment_causes(shop.world)), service.month_of):
        if one["detail"] in ("", "page", "question", "cause"):
            of_one = found[tuple(one[name] for name in ("subject", "step", "detail", "detail_value", "currency"))]
            for place, name in enumerate(("n", "recovered", "lost_minor")):
                of_one[place] += one[name]
    rows: list[list[Any]] = [[*key[:4], *counts, key[4]] for key, counts in found.items()]
    return sorted(rows, key=lambda row: (-row[4], *row[:4], row[7]))[:20]


def days_as_usual(shop: Shop) -> Rows:
    sums = "metric, toInt64(toUnixTimestamp(bucket)), n, numerator, squares"
    stored = select(
        shop.database,
        f"SELECT {sums} FROM metric_counts WHERE grain = '1h' AND dimension = 'all' AND n > 0 AND NOT mixed",
    )
    series: dict[str, dict[int, Sums]] = defaultdict(dict)
    for metric, second, *of_hour in stored:
        n, total, squares = (float(str(each)) for each in of_hour)
        series[str(metric)][int(str(second)) // HOUR_S] = (n, total, squares)
    rows: Rows = []
    for metric, hours in series.items():
        held_s = {"cart_abandonment_rate": 30 * DAY_S + 1_800, "survey_abandonment_rate": 37 * DAY_S,
                  "first_response_time": 30 * DAY_S, "sentiment_shifts": 365 * DAY_S}.get(metric, 0)  # fmt: skip
        end = (shop.world.clock // 1000 - held_s) // HOUR_S
        if end <= min(hours):
            continue
        judged = judge(KINDS[metric], hours, end, ZoneInfo("UTC"))
        found = anomalies(judged)
        days: dict[int, tuple[int, bool]] = {one.at // 24: (one.at + 1, one.known) for one in judged}
        levels = Counter(_level(metric, day, known, over, found) for day, (over, known) in days.items())
        rows.append([metric, *(levels[level] for level in ("worse", "better", "as usual", "too few to tell"))])
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def spoken_about(shop: Shop) -> Rows:
    terms = tomllib.loads((STREAMS / "topics" / "words.toml").read_text("utf-8"))["topics"]
    polarities: dict[str, Counter[str]] = defaultdict(Counter)
    for history in shop.world.people.values():
        for one in mentions(history.touches, by_words(terms), history.experiences):
            polarities[one.topic][one.polarity] += 1
    rows = [
        [topic, found.total(), found["negative"], found["positive"], rounded(found["negative"] / found.total())]
        for topic, found in polarities.items()
    ]
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def _level(metric: str, day: int, known: bool, over: int, found: list[tuple[str, int, int, int | None]]) -> str:
    within = [one for one in found if one[1] < over and (one[3] is None or one[3] > day * 24)]
    if not known:
        return "too few to tell"
    if not within:
        return "as usual"
    return "worse" if (within[-1][0] == "rise") == (metric in LOWER_IS_BETTER) else "better"


def changes_that_helped(shop: Shop) -> Rows:
    stated: dict[str, dict[str, Any]] = {}
    for line in shop.of("business_change"):
        times = {name: milliseconds(line[name]) for name in ("effective_at", "reverted_at") if line.get(name)}
        stated[line["change_id"]] = {**line, **times}
    rows: Rows = []
    for one in change_effects(shop.world, list(stated.values()), ()):
        if one["metric"] == "experience" and one["dimension"] in ("all", "channel"):
            change = stated[one["change_id"]]
            figures = [one[name] for name in ("before", "after", "difference", "detectable")]
            shown_figures = [None if value is None else rounded(value) for value in figures]
            first = [change["effective_at"], change["name"], one["dimension_value"]]
            rows.append([*first, one["verdict"], *shown_figures, one["overlaps"]])
    return [row[1:] for row in sorted(rows, key=lambda row: row[:3])]


SERVICE_ANSWERS: tuple[Callable[[Shop], Rows], ...] = (
    kept_waiting, broken_promises, asked_again, answered_within_a_day, longest_silences, complaints, worst_questions,
    given_up, by_length, changed, best_staff, praised, bad_reviews, pages_that_lose, help_that_does_not, worst_products,
    payments_that_fail, what_makes_customers_call, where_things_are_left, days_as_usual,
    changes_that_helped, spoken_about,
)  # fmt: skip
"""By the order of the questions from the 23rd on."""
