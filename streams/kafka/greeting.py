"""Greets one broker: what it says of itself, or why it does not, which aiokafka's clients only log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from streams.kafka.client import BrokerError, client_options
from streams.settings import Settings

LEAST_KAFKA = "2.7"
"""The oldest release that touchline was run against."""
ANSWER_S = 5.0

_FETCH = 1
_LEAST_FETCH = 12
"""Brokers do not tell their release, but which requests they take: this version of a fetch came with Kafka 2.7."""


class Server(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as `TOUCHLINE_KAFKA` takes it."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Greeting:
    """What a broker says of itself.

    Attributes:
        brokers: where the brokers of its cluster say that they are to be reached.
        fetch_version: the latest version of a fetch request that it takes.
    """

    brokers: list[Server]
    fetch_version: int

    def check_release(self) -> None:
        """Raise a BrokerError if the broker is older than `LEAST_KAFKA`."""
        if self.fetch_version < _LEAST_FETCH:
            raise BrokerError(f"this Kafka is older than {LEAST_KAFKA}, the least that touchline takes: upgrade it")


def servers_of(settings: Settings) -> list[Server]:
    """Return the brokers to start from."""
    places = (server.strip().rpartition(":") for server in settings.kafka.split(","))
    return [Server(host.strip("[]"), int(port)) for host, _, port in places]


async def greet(settings: Settings, server: Server) -> Greeting:
    """Return what one broker says of itself.

    Raises:
        BrokerError: the certificates to trust cannot be read.
        OSError, TimeoutError, KafkaError: why there is no answer, as it came.
    """
    options = {**client_options(settings), "request_timeout_ms": int(ANSWER_S * 1000)}
    del options["bootstrap_servers"]
    connection = await create_conn(server.host, server.port, **options)
    try:
        _, fetch_version = connection._versions.get(_FETCH, (0, 0))
        answer = await connection.send(MetadataRequest([]))
    finally:
        connection.close()
    return Greeting([Server(host, port) for _, host, port, *_ in answer.brokers], fetch_version)


async def check_release(settings: Settings) -> None:
    """Raise a BrokerError if Kafka is older than `LEAST_KAFKA`: the first broker that answers speaks for all.

    If none answers, whatever is asked of Kafka next will say so.
    """
    for server in servers_of(settings):
        try:
            greeting = await greet(settings, server)
        except (OSError, TimeoutError, KafkaError):
            continue
        greeting.check_release()
        return
