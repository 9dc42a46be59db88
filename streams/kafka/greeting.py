"""Greets one broker: what it says of itself, or why it does not, which aiokafka's clients only log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest

from streams.settings import Settings

ANSWER_S = 5.0
_FETCH = 1


class Server(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as `TOUCHLINE_KAFKA` takes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Greeting:
    """What a broker says of itself.

    Attributes:
        brokers: where the brokers of its cluster say that they are to be reached.
        fetch_version: the latest version of a fetch request that it takes.
    """

    brokers: list[Server]
    fetch_version: int


def servers_of(settings: Settings) -> list[Server]:
    """Return the brokers to start from."""
    places = (server.strip().rpartition(":") for server in settings.kafka.split(","))
    return [Server(host.strip("[]"), int(port)) for host, _, port in places]


async def greet(server: Server, options: Mapping[str, Any]) -> Greeting:
    """Return what one broker says of itself, which it tells only those whom it takes.

    Args:
        server: the broker.
        options: those of aiokafka's clients.

    Raises:
        OSError, TimeoutError, KafkaError: why there is no answer, as it came.
    """
    options = {**options, "request_timeout_ms": int(ANSWER_S * 1000)}
    del options["bootstrap_servers"]
    connection = await create_conn(server.host, server.port, **options)
    try:
        _, fetch_version = connection._versions.get(_FETCH, (0, 0))
        answer = await connection.send(MetadataRequest([]))
    finally:
        connection.close()
    return Greeting([Server(host, port) for _, host, port, *_ in answer.brokers], fetch_version)
