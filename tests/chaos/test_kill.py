"""Workers and sink are killed at random moments under load, again and again: no row is lost or doubled."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pytest

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from tests.integration.shop import Event, refused, shop, tweets, write
from tests.oracle.owners import Stated, identities, name_of, owners
from tests.oracle.touchpoints import DAY, milliseconds
from tests.servers.load import Load
from tests.servers.pipeline import App, Pipeline, pipeline_on, until
from tests.servers.rows import Rows, differences, embedded_rows

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.embedded]

SEED = 20_26
KILLS = 10
DAYS = 45
ALLOWED_LATENESS_DAYS = 20
"""The inputs of a killed worker fall behind by days of event time; that must make no touchpoint late."""
SESSION_S = 8
PER_SECOND = 150
REPEATS = 300
BUSINESS = {"business_change", "marketing_spend"}


@dataclass(frozen=True)
class Run:
    """The published events, and the rows that were stored of them.

    Attributes:
        events: without repetitions.
        sent: the number of messages sent by the end of the last kill, and in all.
    """

    events: list[Event]
    undisturbed: Rows
    stored: Rows
    sent: tuple[int, int]


def _kill_and_restart(pipeline: Pipeline, load: Load) -> None:
    workers = [pipeline.start("worker") for _ in range(2)]
    sink = pipeline.start("sink")
    with ThreadPoolExecutor() as pool:
        killing = [
            pool.submit(_kill, workers, "journeys", random.Random(SEED), load),
            pool.submit(_kill, [sink], "sink", random.Random(SEED + 1), load),
        ]
        for done in killing:
            done.result()


def _kill(apps: list[App], stage: str, chance: random.Random, load: Load) -> None:
    for _ in range(KILLS):
        app = chance.choice(apps)
        until(lambda app=app: app.processed(stage) > 0, f"{app.name} to be at work")  # type: ignore[misc]
        time.sleep(chance.uniform(0, 2))
        app.kill9()
        app.start()
        load.check()


@pytest.fixture(scope="module")
def run(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("kill")
    events = [*shop(330, DAYS, SEED), *tweets(1_000, DAYS, SEED), *refused(datetime.fromisoformat("2025-12-24T00:00Z"))]
    lines = write(events, folder / "shop.jsonl")
    undisturbed = embedded_rows(lines, folder, allowed_lateness_days=ALLOWED_LATENESS_DAYS)
    settings = {"session_timeout_s": SESSION_S, "allowed_lateness_days": ALLOWED_LATENESS_DAYS, "chunk_records": 100}
    with pipeline_on(kafka, clickhouse_server, folder, **settings) as pipeline:
        load = Load(pipeline.settings, lines, PER_SECOND, repeats=REPEATS, seed=SEED)
        with load:
            _kill_and_restart(pipeline, load)
            under_kills = load.sent
            load.finish()
        pipeline.drain()
        yield Run(events, undisturbed, pipeline.rows(), (under_kills, load.sent))


def test_the_kills_came_under_load(run: Run) -> None:
    under_kills, in_all = run.sent
    assert in_all == len(run.events) + REPEATS
    assert in_all / 4 < under_kills < in_all


def test_every_row_of_every_table_is_as_without_kills(run: Run) -> None:
    # Repeated messages move the offsets of the refused ones.
    undisturbed = {table: rows for table, rows in run.undisturbed.items() if table != "dead_letters"}
    assert differences(undisturbed, run.stored) == []


def test_every_refused_message_is_a_dead_letter_once(run: Run) -> None:
    def letters(rows: Rows) -> list[tuple[str, str]]:
        return sorted((row["reason"], row["raw"]) for row in rows["dead_letters"])

    assert len(letters(run.stored)) == 3
    assert letters(run.stored) == letters(run.undisturbed)


def test_every_touchpoint_is_there_once(run: Run) -> None:
    published = {event["event_id"]: event["kind"] for event in run.events if event["kind"] not in BUSINESS}
    for refusal in ("eleven", "nobody"):
        del published[refusal]
    stored = Counter((row["event_id"], row["kind"]) for row in run.stored["touchpoints"])
    assert stored == Counter(published.items())


def test_every_customer_has_their_touchpoints_and_spent_what_they_spent(run: Run) -> None:
    told = {event["event_id"]: event for event in accepted(run.events)}
    whose = owners(
        (Stated(milliseconds(event["occurred_at"]), name, identities(event)) for name, event in told.items()),
        moved_before=ALLOWED_LATENESS_DAYS * DAY,
    )
    touchpoints, spent = Counter[str](), Counter[str]()
    for name, event in told.items():
        touchpoints[whose[name]] += 1
        if event["kind"] == "purchase" and event["action"] == "placed":
            spent[whose[name]] += event["amount_minor"]
    rows = {row["customer_id"]: row for row in run.stored["customers"]}
    assert {name: row["touchpoints"] for name, row in rows.items()} == touchpoints
    assert {name: row["spend_minor"] for name, row in rows.items() if row["spend_minor"]} == spent
    stated = Counter(name_of(identities(event)[0]) for event in told.values())
    assert touchpoints != stated, "nothing has moved"


def test_orders_and_revenue_of_every_minute_are_those_published(run: Run) -> None:
    orders, revenue = Counter[int](), Counter[int]()
    for event in run.events:
        if event["kind"] == "purchase" and event["action"] == "placed":
            minute = int(datetime.fromisoformat(event["occurred_at"]).timestamp()) // 60 * 60_000
            orders[minute] += 1
            revenue[minute] += event["amount_minor"]
    assert stored_sums(run.stored, "orders", "n") == orders
    assert stored_sums(run.stored, "revenue", "numerator") == revenue


def test_whoever_was_hurt_is_got_back_to_by_one_follow_up_a_reason(run: Run) -> None:
    found: dict[tuple[str, str], list[tuple[int, int | None]]] = defaultdict(list)
    for row in run.stored["follow_ups"]:
        found[row["customer_id"], row["reason"]].append((row["happened_at"], row["closed_at"]))
    hurt = [(event["customer_id"], reason, event) for event in run.events if (reason := _hurt(event))]
    for customer, reason, event in hurt:
        at = milliseconds(event["occurred_at"])
        spans = found[customer, reason]
        holding = [began for began, ended in spans if began <= at and (ended is None or at <= ended)]
        assert len(holding) == 1, (event["event_id"], reason)
    assert {reason for _, reason, _ in hurt} == {"complaint", "poor_answer"}
    assert len(hurt) > 100


def _hurt(event: Event) -> str:
    """Return for which reason somebody should get back to the customer of an event, "" for none."""
    if event.get("complaint"):
        return "complaint"
    if event.get("score") is None:
        return ""
    worst = 6 if event["question_kind"] == "nps" else (event["scale_min"] + event["scale_max"]) / 2 - 0.5
    return "poor_answer" if event["score"] <= worst else ""


def accepted(events: list[Event]) -> Iterator[Event]:
    """Yield the accepted touchpoints."""
    for event in events:
        repeated_id = event["event_id"] == "one-id" and event["text"] == "another"
        if event["kind"] not in BUSINESS and event["event_id"] not in {"eleven", "nobody"} and not repeated_id:
            yield event


def stored_sums(rows: Rows, metric: str, column: str) -> Counter[int]:
    """Return a metric's sums by minute, over all partitions."""
    sums = Counter[int]()
    for row in rows["metric_buckets"]:
        if row["metric"] == metric and row["dimension"] == "all":
            sums[row["bucket"]] += row[column]
    return sums
