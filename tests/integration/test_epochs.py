"""A rebuild on Apache Kafka sends no signal again, and all that came while nobody worked; also the second of two."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.dead_letters import rfc3339
from schemas.topics import SIGNAL_ABANDONMENTS
from servers.kafka import Kafka
from streams.agents.signalled import noted_until, reached_until
from streams.kafka.admin import create_topics
from tests.integration.test_moves import MINUTE, NEVER_S, PARTITIONS, WITHIN_S, Sent, done, publish, signals, strangers
from tests.integration.test_topics import remove_topics
from tests.servers.pipeline import Pipeline, until
from tests.unit.schemas.records import T0

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]


@pytest.fixture
def pipeline(kafka: Kafka, tmp_path: Path) -> Iterator[Pipeline]:
    address = f"chdb://{tmp_path / 'database'}"
    found = Pipeline(tmp_path, kafka.bootstrap, address, partitions=PARTITIONS, idle_s=NEVER_S, session_timeout_s=6)
    try:
        asyncio.run(create_topics(found.settings))
        assert found.touchline("migrate").returncode == 0
        yield found
    finally:
        found.stop()
        asyncio.run(remove_topics(kafka))


def filled_cart(who: str, minute: int) -> Sent:
    """Return a cart event of a customer; the cart is abandoned half an hour later."""
    cart = {"cart_id": f"cart of {who}", "sku": f"tea for {who}", "value_minor": 4_200, "currency": "EUR"}
    return done("ann", f"{who} fills", minute, "cart_event", customer_id=who, identifiers={}, **cart)


def ordered(who: str, minute: int) -> Sent:
    bought = {"order_id": f"order of {who}", "amount_minor": 4_200, "currency": "EUR"}
    bought |= {"items": [{"sku": f"tea for {who}", "quantity": 1, "price_minor": 4_200}]}
    return done("ann", f"{who} orders", minute, "purchase", customer_id=who, identifiers={}, **bought)


def tell(pipeline: Pipeline, *sent: Sent, strangers_at: int) -> None:
    """Publish touchpoints, and others that move the time of both partitions to a minute after `T0`."""
    asyncio.run(publish(pipeline.settings.kafka, sent, 0))
    for partition in range(PARTITIONS):
        asyncio.run(publish(pipeline.settings.kafka, strangers(strangers_at, partition), partition))


def rebuilt(pipeline: Pipeline) -> int:
    """Rebuild, and return the time that it notes, in minutes after `T0`."""
    ran = pipeline.touchline("rebuild", "--yes")
    assert ran.returncode == 0, ran.stderr
    noted = asyncio.run(noted_until(pipeline.settings))
    assert f"send the signals of what happened after {rfc3339(noted)}: those up to then were sent" in ran.stdout
    return (noted - T0) // MINUTE


def test_what_was_signalled_before_a_rebuild_is_not_and_what_happened_since_is(pipeline: Pipeline) -> None:
    tell(pipeline, filled_cart("bob", 3), filled_cart("eve", 4), strangers_at=0)
    tell(pipeline, strangers_at=50)
    before = pipeline.start("worker")
    until(lambda: before.signalled(SIGNAL_ABANDONMENTS) == 2, "both carts to be abandoned", WITHIN_S)
    until(lambda: reached(pipeline) >= 34, "the worker to say so", WITHIN_S)
    assert before.ends_on(signal.SIGTERM, WITHIN_S) == 0

    # Nobody works. Bob's cart is recovered, and Ken's will be abandoned.
    tell(pipeline, ordered("bob", 52), filled_cart("ken", 53), strangers_at=60)
    until_minute = rebuilt(pipeline)
    assert 34 <= until_minute < 52
    # Nothing has caught up with it.
    assert rebuilt(pipeline) == until_minute

    tell(pipeline, strangers_at=120)
    after = pipeline.start("worker")
    until(lambda: after.signalled(SIGNAL_ABANDONMENTS) == 2, "what happened since to be signalled", WITHIN_S)
    until(lambda: reached(pipeline) >= 83, "the worker to be done", WITHIN_S)
    # Bob's cart may have been abandoned and recovered in one chunk.
    assert after.suppressed(SIGNAL_ABANDONMENTS) in {1, 2}
    assert after.ends_on(signal.SIGTERM, WITHIN_S) == 0
    sent = [(one["customer_id"], one["status"]) for one in asyncio.run(signals(pipeline.settings))]
    assert sorted(sent) == [("bob", "abandoned"), ("bob", "recovered"), ("eve", "abandoned"), ("ken", "abandoned")]


def reached(pipeline: Pipeline) -> int:
    """Return up to when signals were sent by all partitions, in minutes after `T0`."""
    return (asyncio.run(reached_until(pipeline.settings, PARTITIONS)) - T0) // MINUTE
