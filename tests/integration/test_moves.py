"""Journeys follow links on Apache Kafka: guests who log in, in time and after their carts were called abandoned.

Time goes by what is published, so what was decided when is not left to chance: no input is ever idle, and what a phase
brings about is awaited before the next one is published.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastavro import schemaless_reader

from schemas.avro.registry import current_schemas
from schemas.kinds import KINDS
from schemas.topics import DERIVED_TOPICS, SIGNAL_ABANDONMENTS, WATERMARKS
from servers.kafka import Kafka
from streams.kafka.admin import create_topics, delete_topics
from streams.kafka.producer import partition_for
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from tests.integration import kept
from tests.integration.test_topics import remove_topics
from tests.servers.pipeline import App, Pipeline, until
from tests.unit.schemas.records import SINGLE_OBJECT_SIZE, T0, minimal
from touchline.stack import wait_until_caught_up

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]

MINUTE = 60_000
PARTITIONS = 2
NEVER_S = 3_600
WITHIN_S = 60.0
COOKIES = {"ann": "ann-tablet", "bob": "bob-laptop", "ken": "ken-phone", "eve": "eve-laptop"}
WORTH = 4_200
STRANGER = "stranger"

Sent = tuple[str, dict[str, Any]]


def done(who: str, what: str, minute: int, kind: str = "page_view", **fields: Any) -> Sent:
    """Return a touchpoint of somebody who is known by a cookie alone, unless the fields say otherwise."""
    known = {"customer_id": None, "identifiers": {"cookie": COOKIES[who]}}
    return kind, minimal(kind) | {"event_id": f"{who} {what}", "occurred_at": T0 + minute * MINUTE, **known, **fields}


def filled_cart(who: str, minute: int) -> Sent:
    cart = {"cart_id": f"cart of {who}", "sku": f"tea for {who}", "value_minor": WORTH, "currency": "EUR"}
    return done(who, "fills a cart", minute, "cart_event", **cart)


def logged_in(who: str, minute: int) -> Sent:
    return done(who, "logs in", minute, customer_id=who)


def ordered(who: str, minute: int) -> Sent:
    """Return an order that states the customer and what was bought, and neither cart nor cookie."""
    bought = {"order_id": f"order of {who}", "amount_minor": WORTH, "currency": "EUR"}
    items = [{"sku": f"tea for {who}", "quantity": 1, "price_minor": WORTH}]
    return done(who, "orders", minute, "purchase", customer_id=who, identifiers={}, items=items, **bought)


IN_TIME = [
    done("ann", "browses", 1),
    filled_cart("ann", 2),
    filled_cart("bob", 3),
    filled_cart("ken", 3),
    filled_cart("eve", 4),
    logged_in("ann", 6),
    done("ann", "browses on", 8),
    ordered("ann", 9),
]
"""Ann is known long before her cart's deadline. Bob logs in and orders before his, which is published after it.

Nobody ever learns who Eve is."""
LOGS_IN_LATE = [logged_in("ken", 60), ordered("ken", 61)]
"""Happen when Ken's cart has been abandoned for half an hour."""
CLOCKS = ("page_view", "cart_event", "purchase")


async def publish(bootstrap: str, sent: Iterable[Sent], partition: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for kind, record in sent:
            await producer.send_and_wait(KINDS[kind].topic, json.dumps(record).encode(), partition=partition)


def strangers(minute: int, partition: int) -> list[Sent]:
    """Return touchpoints that move the clocks of a partition: a record without a next one would move one by an hour."""
    known = {"customer_id": STRANGER, "occurred_at": T0 + minute * MINUTE}
    own: dict[str, dict[str, Any]] = {
        "cart_event": {"action": "created"},
        "purchase": {"amount_minor": 0},
        "page_view": {},
    }
    return [
        (kind, minimal(kind) | known | own[kind] | {"event_id": f"{kind} {minute} {number} {partition}"})
        for number in range(3)
        for kind in CLOCKS
    ]


@dataclass(frozen=True)
class Run:
    """What became of all that was published: the rows of views, and the signals in their order.

    Attributes:
        published: how many touchpoints.
    """

    views: dict[str, list[dict[str, Any]]]
    signals: list[dict[str, Any]]
    published: int

    def of(self, view: str, **wanted: object) -> list[dict[str, Any]]:
        """Return the rows of a view that have some values."""
        return [row for row in self.views[view] if all(row[name] == value for name, value in wanted.items())]

    def last_signals(self) -> dict[tuple[str, str], tuple[str, bool, str | None]]:
        """Return of each customer and cart the last signal: status, whether it is retracted, the former customer."""
        return {
            (one["customer_id"], one["subject_id"]): (one["status"], one["retracted"], one["previous_customer_id"])
            for one in self.signals
        }


async def signals(settings: Settings) -> list[dict[str, Any]]:
    schema = current_schemas()["Abandonment"]
    found = []
    for partition in range(PARTITIONS):
        async for run in read_to_end(settings, SIGNAL_ABANDONMENTS, [partition]):
            for record in run.records:
                body = BytesIO((record.value or b"")[SINGLE_OBJECT_SIZE:])
                found.append(schemaless_reader(body, schema, None))
    return [one for one in found if isinstance(one, dict)]


def publish_in_phases(worker: App, bootstrap: str) -> int:
    """Publish, and await what each phase brings about; return how many touchpoints there are."""
    published = 0

    def tell(*sent: Sent, strangers_at: int | None = None) -> None:
        nonlocal published
        asyncio.run(publish(bootstrap, sent, 0))
        published += len(sent)
        for partition in range(PARTITIONS if strangers_at is not None else 0):
            clocks = strangers(strangers_at or 0, partition)
            asyncio.run(publish(bootstrap, clocks, partition))
            published += len(clocks)
        until(lambda: worker.processed("journeys") == published, "all of it to be in journeys", WITHIN_S)

    tell(strangers_at=0)
    tell(*IN_TIME)
    until(lambda: worker.moved() == 3, "what Ann did as a guest to be hers", WITHIN_S)
    tell(strangers_at=50)
    until(lambda: worker.signalled(SIGNAL_ABANDONMENTS) == 3, "the other three carts to be abandoned", WITHIN_S)
    tell(ordered("bob", 12))
    tell(logged_in("bob", 10))
    until(lambda: worker.moved() == 4, "Bob's cart to be his", WITHIN_S)
    tell(*LOGS_IN_LATE, strangers_at=61)
    until(lambda: worker.moved() == 5, "Ken's cart to be his", WITHIN_S)
    tell(strangers_at=150)
    tell(strangers_at=240)
    return published


@dataclass(frozen=True)
class Shop:
    """An installation whose topics stay from one epoch to the next.

    Attributes:
        until_minute: what time it is in the end, in minutes after `T0`.
    """

    kafka: Kafka
    folder: Path
    until_minute: int = 240

    @property
    def database(self) -> Path:
        return self.folder / "database"

    def pipeline(self, epoch: int) -> Pipeline:
        address = f"chdb://{self.database}"
        said = {"partitions": PARTITIONS, "idle_s": NEVER_S, "group_suffix": "-moves", "epoch": epoch}
        return Pipeline(self.folder, self.kafka.bootstrap, address, **said)

    def stored(self, pipeline: Pipeline) -> dict[str, list[dict[str, Any]]]:
        """Store all there is; return the rows of the views, but for strangers, some of whom wait for their time."""
        sink = pipeline.start("sink")
        reached = wait_until_caught_up(
            pipeline.settings, T0 + self.until_minute * MINUTE, lambda _progress: pipeline.check()
        )
        asyncio.run(asyncio.wait_for(reached, WITHIN_S))
        assert sink.ends_on(signal.SIGTERM, WITHIN_S) == 0
        views = kept.rows(self.database, "touchpoints", "journeys", "customers", "abandonments", "rolling_metrics")
        return {
            view: sorted((row for row in rows if row.get("customer_id") != STRANGER), key=str)
            for view, rows in views.items()
        }


@pytest.fixture(scope="module")
def shop(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    found = Shop(kafka, tmp_path_factory.mktemp("moves"))
    pipeline = found.pipeline(epoch=0)
    try:
        asyncio.run(create_topics(pipeline.settings))
        assert pipeline.touchline("migrate").returncode == 0
        yield found
    finally:
        asyncio.run(remove_topics(kafka))


@pytest.fixture(scope="module")
def run(shop: Shop) -> Run:
    pipeline = shop.pipeline(epoch=0)
    try:
        worker = pipeline.start("worker")
        published = publish_in_phases(worker, shop.kafka.bootstrap)
        found = Run(shop.stored(pipeline), asyncio.run(signals(pipeline.settings)), published)
        assert worker.ends_on(signal.SIGTERM, WITHIN_S) == 0
        return found
    finally:
        pipeline.stop()


async def make_the_log_anew(settings: Settings) -> None:
    """Make the journeys log and what belongs to it anew by hand, and have the inputs, but not the links, read again."""
    await delete_topics(settings, [name for name in DERIVED_TOPICS if name != WATERMARKS])
    await create_topics(settings)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, group_id=settings.group("streams"), enable_auto_commit=False
    )
    await consumer.start()
    try:
        inputs = [TopicPartition(name, number) for name in settings.inputs for number in range(PARTITIONS)]
        consumer.assign(inputs)
        await consumer.commit(dict.fromkeys(inputs, 0))
    finally:
        await consumer.stop()


def test_two_of_the_three_guests_are_in_another_partition_than_the_customers_that_they_are() -> None:
    crossing = [
        who
        for who in ("ann", "bob", "ken")
        if partition_for(who.encode(), 2) != partition_for(f"anon:cookie:{COOKIES[who]}".encode(), 2)
    ]
    assert crossing == ["ann", "bob"]


def test_the_carts_of_a_guest_who_orders_as_a_customer_are_ordered(run: Run) -> None:
    carts = {row["subject_id"]: (row["customer_id"], row["status"]) for row in run.views["abandonments"]}
    assert carts == {"cart of eve": ("anon:cookie:eve-laptop", "abandoned"), "cart of ken": ("ken", "recovered")}
    [ken] = run.of("abandonments", customer_id="ken")
    assert ken["recovered_by"] == "skus"


def test_the_rate_has_four_carts_of_which_one_stays_abandoned(run: Run) -> None:
    [hour] = run.of("rolling_metrics", metric="cart_abandonment_rate", grain="1h", dimension="all")
    assert (hour["numerator"], hour["denominator"]) == (1, 4)


def test_whoever_was_known_in_time_has_no_signal_and_what_was_wrong_is_retracted(run: Run) -> None:
    assert run.last_signals() == {
        ("anon:cookie:eve-laptop", "cart of eve"): ("abandoned", False, None),
        ("anon:cookie:bob-laptop", "cart of bob"): ("abandoned", True, None),
        ("anon:cookie:ken-phone", "cart of ken"): ("abandoned", True, None),
        ("ken", "cart of ken"): ("recovered", False, "anon:cookie:ken-phone"),
    }


@pytest.mark.parametrize(
    ("who", "did"),
    [
        ("ann", ["browses", "fills a cart", "logs in", "browses on", "orders"]),
        ("bob", ["fills a cart", "logs in", "orders"]),
        ("ken", ["fills a cart", "logs in", "orders"]),
    ],
)
def test_the_customer_has_one_journey_with_all_that_the_guest_did(run: Run, who: str, did: list[str]) -> None:
    [journey] = run.of("journeys", customer_id=who)
    stored = sorted(run.of("touchpoints", customer_id=who), key=lambda row: str(row["occurred_at"]))
    assert [row["event_id"] for row in stored] == [f"{who} {what}" for what in did]
    assert {row["journey_id"] for row in stored} == {journey["journey_id"]}
    assert (journey["touchpoints"], journey["path"]) == (len(did), [row["kind"] for row in stored])
    assert (journey["purchases"], int(journey["revenue_minor"])) == (1, WORTH)
    [customer] = run.of("customers", customer_id=who)
    assert (customer["touchpoints"], customer["purchases"], int(customer["spend_minor"])) == (len(did), 1, WORTH)


@pytest.mark.parametrize("view", ["touchpoints", "journeys", "customers"])
def test_of_profiles_only_the_one_that_nobody_knows_has_rows(run: Run, view: str) -> None:
    assert {row["customer_id"] for row in run.views[view]} == {"ann", "bob", "ken", "anon:cookie:eve-laptop"}


def test_a_log_that_was_made_anew_by_hand_gives_the_same_rows_in_the_next_epoch(shop: Shop, run: Run) -> None:
    """All links are acknowledged already: IDENTITY has to tell the new log who owns what."""
    pipeline = shop.pipeline(epoch=1)
    asyncio.run(make_the_log_anew(pipeline.settings))
    try:
        worker = pipeline.start("worker")
        until(lambda: worker.processed("journeys") == run.published, "all of it to be in journeys again", WITHIN_S)
        again = shop.stored(pipeline)
        assert worker.logged("a new journeys log was told who is who")
    finally:
        pipeline.stop()

    assert again == run.views
