"""Guests left a cart on Apache Kafka, log in five days later, and order: no cart of theirs is abandoned in the end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from schemas.topics import SIGNAL_ABANDONMENTS
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from tests.integration.test_moves import (
    PARTITIONS,
    WITHIN_S,
    Run,
    Sent,
    Shop,
    done,
    filled_cart,
    logged_in,
    publish,
    signals,
    strangers,
)
from tests.integration.test_topics import remove_topics
from tests.servers.pipeline import App, until

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]

DAY = 24 * 60
"""Minutes."""
LOGIN = 5 * DAY
LEFT = {
    ("anon:cookie:ann-tablet", "cart of ann"): ("abandoned", True, None),
    ("anon:cookie:ken-phone", "cart of ken"): ("abandoned", True, None),
    ("anon:cookie:eve-laptop", "cart of eve"): ("abandoned", False, None),
}
"""Of the guests the last signals: of Eve nobody ever learns who she is."""


def ordered(who: str, minute: int) -> Sent:
    """Return an order of another cart, or of none, that states the customer alone."""
    bought = {"order_id": f"order of {who}", "amount_minor": 900, "currency": "EUR"}
    return done(who, "orders", minute, "purchase", customer_id=who, identifiers={}, cart_id=f"cart of {who}", **bought)


def publish_in_phases(worker: App, bootstrap: str) -> None:
    """Publish, and await what each phase brings about: the signals tell."""
    published = 0

    def tell(*sent: Sent, strangers_at: int) -> None:
        nonlocal published
        asyncio.run(publish(bootstrap, sent, 0))
        published += len(sent)
        for partition in range(PARTITIONS):
            clocks = strangers(strangers_at, partition)
            asyncio.run(publish(bootstrap, clocks, partition))
            published += len(clocks)
        until(lambda: worker.processed("journeys") == published, "all of it to be in journeys", WITHIN_S)

    def signalled(count: int, what: str) -> None:
        until(lambda: worker.signalled(SIGNAL_ABANDONMENTS) == count, what, WITHIN_S)

    tell(strangers_at=0)
    tell(*(filled_cart(who, minute) for minute, who in enumerate(("ann", "ken", "eve"), start=2)), strangers_at=60)
    signalled(3, "the three carts to be abandoned")
    tell(strangers_at=LOGIN)
    tell(logged_in("ann", LOGIN + 2), logged_in("ken", LOGIN + 3), strangers_at=LOGIN + 60)
    signalled(7, "two of them to be customers'")
    tell(ordered("ann", LOGIN + 61), ordered("ken", LOGIN + 62), strangers_at=LOGIN + 120)
    signalled(9, "these two to be recovered")
    tell(strangers_at=LOGIN + 240)


@pytest.fixture(scope="module")
def run(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    shop = Shop(kafka, tmp_path_factory.mktemp("adoptions"), until_minute=LOGIN + 240)
    pipeline = shop.pipeline(epoch=0)
    try:
        asyncio.run(create_topics(pipeline.settings))
        assert pipeline.touchline("migrate").returncode == 0
        worker = pipeline.start("worker")
        publish_in_phases(worker, kafka.bootstrap)
        found = Run(shop.stored(pipeline), asyncio.run(signals(pipeline.settings)), 0)
        assert worker.ends_on(signal.SIGTERM, WITHIN_S) == 0
        yield found
    finally:
        pipeline.stop()
        asyncio.run(remove_topics(kafka))


def test_the_carts_that_guests_left_five_days_before_are_ordered(run: Run) -> None:
    carts = {
        row["subject_id"]: (row["customer_id"], row["status"], row["recovered_by"]) for row in run.views["abandonments"]
    }
    assert carts == {
        "cart of ann": ("ann", "recovered", "cart_id"),
        "cart of ken": ("ken", "recovered", "cart_id"),
        "cart of eve": ("anon:cookie:eve-laptop", "abandoned", None),
    }
    assert len(run.views["abandonments"]) == len(carts)


def test_of_the_three_carts_in_the_rate_one_stays_abandoned(run: Run) -> None:
    [hour] = run.of("rolling_metrics", metric="cart_abandonment_rate", grain="1h", dimension="all")
    assert (hour["numerator"], hour["denominator"]) == (1, 3)


def test_the_guests_signals_are_retracted_and_the_customers_say_that_their_carts_are_recovered(run: Run) -> None:
    assert run.last_signals() == {
        **LEFT,
        ("ann", "cart of ann"): ("recovered", False, "anon:cookie:ann-tablet"),
        ("ken", "cart of ken"): ("recovered", False, "anon:cookie:ken-phone"),
    }


def test_what_the_guests_did_stays_in_a_journey_of_its_own_that_is_the_customers_in_the_views(run: Run) -> None:
    journeys = sorted((row["customer_id"], row["journey_id"].rpartition("#")[0]) for row in run.views["journeys"])
    assert journeys == [
        ("ann", "ann"),
        ("ann", "anon:cookie:ann-tablet"),
        ("anon:cookie:eve-laptop", "anon:cookie:eve-laptop"),
        ("ken", "anon:cookie:ken-phone"),
        ("ken", "ken"),
    ]
