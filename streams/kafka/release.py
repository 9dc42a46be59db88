"""The least release of Kafka that touchline takes, and whether a broker is of it."""

from __future__ import annotations

from aiokafka.errors import KafkaError

from streams.kafka.client import BrokerError, client_options
from streams.kafka.greeting import Greeting, greet, servers_of
from streams.settings import Settings

LEAST_KAFKA = "2.7"
"""The oldest release that touchline was run against."""

_LEAST_FETCH = 12
"""Brokers do not tell their release, but which requests they take: this version of a fetch came with Kafka 2.7."""


def check_greeting(greeting: Greeting) -> None:
    """Raise a BrokerError if a broker is older than `LEAST_KAFKA`."""
    if greeting.fetch_version < _LEAST_FETCH:
        raise BrokerError(f"this Kafka is older than {LEAST_KAFKA}, the least that touchline takes: upgrade it")


async def check_release(settings: Settings) -> None:
    """Raise a BrokerError if Kafka is older than `LEAST_KAFKA`: the first broker that answers speaks for all.

    If none answers, whatever is asked of Kafka next will say so.
    """
    options = client_options(settings)
    for server in servers_of(settings):
        try:
            greeting = await greet(server, options)
        except (OSError, TimeoutError, KafkaError):
            continue
        check_greeting(greeting)
        return
