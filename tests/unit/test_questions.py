"""Each query of docs/questions.md gives what the sample's lines hold, worked out here in plain Python.

What no line states is taken from elsewhere: journeys, experiences and abandonments from the oracle (tests/oracle), the
scorer's sentiments and the detector's shifts from the views themselves.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

import touchline
from sinks.database import select
from sinks.migrate import migrate
from sinks.statement import reading_statement
from tests.contract.engine import Engine
from tests.integration.kept import lines as lines_of
from tests.oracle.compare import World, customers, journeys
from tests.oracle.groups import nps_interval
from tests.oracle.metrics import quantile
from tests.oracle.touchpoints import DAY, HOUR, milliseconds, moment, read
from tests.unit.played_lines import store
from tests.unit.questions_service import SERVICE_ANSWERS
from tests.unit.questions_shop import Line, Rows, Shop, at, shown

pytestmark = pytest.mark.embedded

PAGE = Path(__file__).parents[2] / "docs" / "questions.md"
SAMPLE = Path(touchline.__file__).with_name("sample.jsonl")
UNTIL = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000)
"""Long after the sample's last line."""
QUERIES = {
    int(number): sql
    for number, sql in re.findall(r"^### (\d+)\. .+\n(?s:.*?)^```sql\n((?s:.*?));\n```", PAGE.read_text(), re.MULTILINE)
}


@pytest.fixture(scope="module")
def shop(chdb_opened: Engine) -> Shop:
    migrate(chdb_opened)
    store(chdb_opened, SAMPLE, UNTIL, ["region", "product"])
    lines = sorted(lines_of(SAMPLE), key=at)
    scored = select(chdb_opened, "SELECT event_id, sentiment FROM touchpoints")
    sentiments: dict[str, Any] = {str(event_id): sentiment for event_id, sentiment in scored}
    columns = ("customer_id", "journey_id", "onset_event_id", "onset_at", "direction")
    shifts = [
        dict(zip(columns, row, strict=True))
        for row in select(chdb_opened, f"SELECT {', '.join(columns)} FROM sentiment_shifts")
    ]
    return Shop(lines, World.of(read(lines, sentiments), {"sentiment_shifts": shifts}, UNTIL), chdb_opened, shifts)


def monday(time: int) -> datetime:
    day = datetime.fromtimestamp(time / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def nps_by_region(shop: Shop) -> Rows:
    whose = {touch.event_id: name for name, history in shop.world.people.items() for touch in history.touches}
    counts: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
    for line in shop.of("survey_answer"):
        if line.get("question_kind") == "nps" and "score" in line:
            week = shown(int(monday(at(line)).timestamp() * 1000))
            vote = float((line["score"] >= 9) - (line["score"] <= 6))
            counts[week, line["attributes"]["region"]].append((whose[line["event_id"]], vote))
    rows: Rows = []
    for (week, region), answers in sorted(counts.items()):
        votes = [vote for _, vote in answers]
        value = 100 * sum(votes) / len(votes)
        rows.append([week, region, len(votes), votes.count(1), votes.count(-1), value, *nps_interval(answers)])
    return rows


def verbatims(shop: Shop) -> Rows:
    rows = []
    for answers in shop.by("survey_answer", "response_id").values():
        scored = [line for line in answers if line.get("question_kind") == "nps" and line.get("score", 10) <= 6]
        words = [line["text"] for line in answers if line.get("text")]
        rows += [[shown(at(line)), line["customer_id"], line["score"], text] for line in scored for text in words]
    return sorted(rows, key=lambda row: (row[0], row[3]))


def satisfaction(shop: Shop) -> Rows:
    felt: dict[tuple[str, str], list[float]] = defaultdict(list)
    for line in shop.of("survey_answer"):
        if "score" in line:
            share = (line["score"] - line["scale_min"]) / (line["scale_max"] - line["scale_min"])
            felt[line["about"], line["question_kind"]].append(round(2 * round(share, 4) - 1, 4))
    return [[*key, len(values), pytest.approx(fmean(values), abs=6e-4)] for key, values in sorted(felt.items())]


def survey_rates(shop: Shop) -> Rows:
    seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in shop.of("survey_answer"):
        seen[line["survey_id"]][line["phase"]].add(line["response_id"])
    phases = ("invited", "started", "completed")
    return [[survey, *(len(found[phase]) for phase in phases)] for survey, found in sorted(seen.items())]


def posts_by_product(shop: Shop) -> Rows:
    felt = defaultdict(list)
    for history in shop.world.people.values():
        for touch in history.touches:
            if touch.kind == "tweet" and touch.action == "customer" and touch.sentiment is not None:
                felt[touch.attributes.get("product", "")].append(touch.sentiment)
    rows = [[name, len(s), round(fmean(s), 3)] for name, s in felt.items() if name and len(s) >= 20]
    return sorted(rows, key=lambda row: (row[2], row[0]))


def soured_after_a_refund(shop: Shop) -> Rows:
    refunds = [line for line in shop.of("purchase") if line["action"] == "refunded"]
    rows = {
        (shift["customer_id"], shift["onset_at"])
        for shift in shop.shifts
        for refund in refunds
        if shift["direction"] == "worse"
        and shift["customer_id"] == refund["customer_id"]
        and 0 <= (moment(shift["onset_at"]) or 0) - at(refund) <= 14 * DAY
    }
    return [list(row) for row in sorted(rows)]


def revenue_at_risk(shop: Shop) -> Rows:
    rows = [row for row in customers(shop.world) if row["status"] in {"unhappy", "lost"} and row["currency"]]
    assert {row["currency"] for row in rows} == {"EUR"}
    return [["EUR", len(rows), sum(row["spend_minor"] - row["refunded_minor"] for row in rows)]]


def three_bad_experiences(shop: Shop) -> Rows:
    rows: Rows = []
    for name, history in sorted(shop.world.people.items()):
        bad = [touch.at for touch in history.touches if history.experiences.get(touch.event_id, 0) < 0]
        if any(later - first <= 30 * DAY for first, later in zip(bad, bad[2:], strict=False)):
            rows.append([name, [shown(time) for time in bad]])
    return rows


def onsets(shop: Shop) -> Rows:
    touches = {touch.event_id: touch for history in shop.world.people.values() for touch in history.touches}
    began = [touches[shift["onset_event_id"]] for shift in shop.shifts if shift["direction"] == "worse"]
    counts = Counter((touch.kind, touch.action) for touch in began)
    return sorted(([*key, n] for key, n in counts.items()), key=lambda row: (-row[2], row[0], row[1]))


def funnel(shop: Shop) -> Rows:
    wanted = ("page_view", "cart_event:item_added", "cart_event:checkout_started", "purchase:placed")
    reached: dict[str, list[int]] = defaultdict(lambda: [0] * len(wanted))
    for journey in journeys(shop.world):
        counts, rest = reached[journey["channels"][0]], iter(journey["steps"])
        for stage, step in enumerate(wanted):
            if not any(passed.startswith(step) for passed in rest):
                break
            counts[stage] += 1
    return [[channel, *counts] for channel, counts in sorted(reached.items())]


def abandoned_carts(shop: Shop) -> Iterator[tuple[Any, str]]:
    """Give the abandonments of carts that were not recovered, with their customers."""
    for name, history in shop.world.people.items():
        for row in history.abandonments:
            if row.subject in {"cart", "checkout"} and row.recovered_at is None:
                yield row, name


def skus_left(shop: Shop) -> Rows:
    events = shop.by("cart_event", "cart_id")
    carts: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row, name in abandoned_carts(shop):
        for line in events[name, row.subject_id]:
            if line["action"] == "item_added" and row.started_at <= at(line) <= row.abandoned_at:
                carts[line["sku"]].add((name, row.subject_id))
    return sorted(([sku, len(found)] for sku, found in carts.items()), key=lambda row: (-row[1], row[0]))


def worth_of_carts(shop: Shop) -> Rows:
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row, _ in abandoned_carts(shop):
        sums[f"{monday(row.abandoned_at):%Y-%m-%d}", row.first.channel, row.currency].append(row.value)
    return [[*key, len(values), sum(values)] for key, values in sorted(sums.items())]


def orders_that_came_back(shop: Shop) -> Rows:
    refunded = {line["order_id"] for line in shop.of("purchase") if line["action"] == "refunded"}
    orders: dict[str, set[str]] = defaultdict(set)
    for line in shop.of("purchase"):
        if line["action"] == "placed":
            for item in line.get("items", []):
                orders[item["sku"]].add(line["order_id"])
    rows = [
        [sku, len(ids), len(ids & refunded), round(len(ids & refunded) / len(ids), 4)] for sku, ids in orders.items()
    ]
    return sorted(rows, key=lambda row: (-row[3], row[0]))


def bought_again(shop: Shop) -> Rows:
    times: dict[str, list[int]] = defaultdict(list)
    for line in shop.of("purchase"):
        if line["action"] == "placed":
            times[line["customer_id"]].append(at(line))
    return [[len(times), sum(len(found) > 1 and found[1] - found[0] <= 30 * DAY for found in times.values())]]


def campaigns(shop: Shop) -> Rows:
    spent, earned = Counter[str](), Counter[str]()
    for line in shop.of("marketing_spend"):
        spent[line["campaign"]] += line["amount_minor"]
    for line in shop.of("purchase"):
        if line["action"] == "placed" and "campaign" in line["attributes"]:
            earned[line["attributes"]["campaign"]] += line["amount_minor"]
    return [[name, "EUR", spent[name], earned[name]] for name in sorted(spent | earned)]


def repeat_callers(shop: Shop) -> Rows:
    calls: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for (name, _), lines in shop.by("support_call", "call_id").items():
        calls[name].append((at(lines[0]), lines[0]["topic"]))
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for found in calls.values():
        found.sort()
        for place, (time, topic) in enumerate(found):
            counts[topic][0] += 1
            counts[topic][1] += any(later - time <= 7 * DAY for later, _ in found[place + 1 : place + 2])
    return [[topic, *found] for topic, found in sorted(counts.items())]


def first_replies(shop: Shop) -> Rows:
    waits: dict[str, list[float | None]] = defaultdict(list)
    for lines in shop.by("case_event", "case_id").values():
        opened = [at(line) for line in lines if line["phase"] == "opened"]
        replies = [at(line) for line in lines if line["by"] == "agent"]
        if opened:
            waits[lines[0]["topic"]].append((replies[0] - opened[0]) / HOUR if replies else None)
    return [
        [topic, len(found), len(known := [wait for wait in found if wait is not None]), round(median(known), 3)]
        for topic, found in sorted(waits.items())
    ]


def resolution(shop: Shop) -> Rows:
    ended: dict[str, list[Line]] = defaultdict(list)
    for line in shop.of("support_call"):
        if line["phase"] == "ended" and "resolved" in line and "agent_id" in line:
            ended[line["agent_id"]].append(line)
    rows: Rows = []
    for agent, lines in sorted(ended.items()):
        resolved = sum(line["resolved"] for line in lines)
        offered = fmean(line["solutions_offered"] for line in lines if "solutions_offered" in line)
        rows.append([agent, len(lines), resolved, round(resolved / len(lines), 4), round(offered, 3)])
    return rows


def waits_by_topic(shop: Shop) -> Rows:
    waits: dict[str, list[float]] = defaultdict(list)
    for lines in shop.by("support_call", "call_id").values():
        first: dict[str, int] = {}
        for line in lines:
            first.setdefault(line["phase"], at(line))
        if {"queued", "answered"} <= first.keys():
            waits[lines[0]["topic"]].append((first["answered"] - first["queued"]) / 1000)
    return [[topic, len(found), round(quantile(found, 0.9), 3)] for topic, found in sorted(waits.items())]


def promises(shop: Shop) -> Rows:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for lines in shop.by("case_event", "case_id").values():
        etas = [line["eta_at"] for line in lines if line["phase"] == "eta_given" and "eta_at" in line]
        if etas:
            resolved = [at(line) for line in lines if line["phase"] == "resolved"]
            counts[lines[0]["topic"]][0] += 1
            counts[lines[0]["topic"]][1] += bool(resolved) and resolved[0] <= milliseconds(etas[-1])
    return [[topic, *found] for topic, found in sorted(counts.items())]


def calls_after_deliveries(shop: Shop) -> Rows:
    calls: dict[str, list[int]] = defaultdict(list)
    for (name, _), lines in shop.by("support_call", "call_id").items():
        calls[name].append(at(lines[0]))
    news = [line for line in shop.of("case_event") if line["by"] == "bot" and line["topic"] == "delivery"]
    called = sum(any(0 < time - at(line) <= 3 * DAY for time in calls[line["customer_id"]]) for line in news)
    return [[len(news), called]]


def failing_pages(shop: Shop) -> Rows:
    views, failed = Counter[str](), Counter[str]()
    for line in shop.of("page_view"):
        views[line["page"]] += 1
        failed[line["page"]] += not line["ok"]
    rows = [[page, views[page], n, round(n / views[page], 4)] for page, n in failed.items() if n]
    return sorted(rows, key=lambda row: (-row[3], row[0]))


ANSWERS: dict[int, Callable[[Shop], Rows]] = dict(
    enumerate(
        (
            nps_by_region, verbatims, satisfaction, survey_rates, posts_by_product, soured_after_a_refund,
            revenue_at_risk, three_bad_experiences, onsets, funnel, skus_left, worth_of_carts, orders_that_came_back,
            bought_again, campaigns, repeat_callers, first_replies, resolution, waits_by_topic, promises,
            calls_after_deliveries, failing_pages, *SERVICE_ANSWERS,
        ),
        start=1,
    )
)  # fmt: skip


def test_every_question_has_a_query_and_an_answer_to_read() -> None:
    page = PAGE.read_text()

    assert list(QUERIES) == list(range(1, len(QUERIES) + 1))
    # Those that depend on how long ago the data ended are asked in test_questions_loyalty.py.
    assert list(QUERIES)[: len(ANSWERS)] == list(ANSWERS)
    assert len(re.findall(r"^```\n\n\S", page, re.MULTILINE)) == len(QUERIES), "a line says how to read each answer"


@pytest.mark.parametrize("number", ANSWERS)
def test_a_query_gives_what_the_lines_hold(shop: Shop, number: int) -> None:
    # As a person asks it: `touchline query` takes only some functions.
    found = select(shop.database, reading_statement(QUERIES[number]).sql)

    expected = ANSWERS[number](shop)
    assert expected, "an answer without rows shows nothing"
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert row == [pytest.approx(value, abs=1e-6) if isinstance(value, float) else value for value in wanted]
