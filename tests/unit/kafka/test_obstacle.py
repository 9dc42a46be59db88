"""Why no broker takes us: what is a refusal, what passes by itself, and which setting each is about."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.kafka import greeting
from streams.kafka.client import client_options
from streams.kafka.obstacle import Obstacle, find_obstacle
from streams.settings import Settings
from touchline.stack.ports import HOST, free_port


async def found(servers: str) -> Obstacle | None:
    settings = Settings(kafka=servers)
    return await find_obstacle(settings, client_options(settings))


@asynccontextmanager
async def one_that_hangs_up() -> AsyncIterator[str]:
    """Run a server that ends each connection, as a broker does that wants TLS or a login."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(hang_up, HOST, 0) as server:
        yield f"{HOST}:{server.sockets[0].getsockname()[1]}"


async def test_a_broker_that_is_not_there_is_no_refusal() -> None:
    server = f"{HOST}:{free_port()}"
    assert await found(server) == Obstacle(
        f"{server} is not reached: Connect call failed ('{HOST}', {server[10:]})", False
    )


async def test_a_broker_that_hangs_up_is_no_refusal_and_the_setting_is_named() -> None:
    async with one_that_hangs_up() as server:
        said = await found(server)
    assert said is not None
    assert said.text.startswith(f"{server} ends the connection without an answer; TOUCHLINE_KAFKA_SECURITY is none")
    assert not said.refused


async def test_a_broker_that_lets_us_in_and_then_hangs_up_takes_us_no_more_than_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Connection:
        """As of a client without a login, where the broker wants one."""

        _versions: ClassVar[dict[int, tuple[int, int]]] = {}

        async def send(self, _request: object) -> None:
            raise KafkaConnectionError("closed")

        def close(self) -> None: ...

    async def connect(*_: object, **__: object) -> Connection:
        return Connection()

    monkeypatch.setattr(greeting, "create_conn", connect)
    said = await found("a:1")

    assert said is not None
    assert said.text.startswith("a:1 ends the connection without an answer")


UNTRUSTED = ssl.SSLCertVerificationError(1, "self-signed")
UNTRUSTED.verify_message = "self-signed certificate"  # as the ssl module sets it
NO_TLS = ssl.SSLError(1, "wrong version")
NO_TLS.reason = "WRONG_VERSION_NUMBER"


@pytest.mark.parametrize(
    ("error", "setting"),
    [
        (SaslAuthenticationFailed("no"), "TOUCHLINE_KAFKA_PASSWORD"),
        (UnsupportedSaslMechanismError("no"), "TOUCHLINE_KAFKA_SASL_MECHANISM"),
        (IllegalSaslStateError("no"), "TOUCHLINE_KAFKA_SECURITY=ssl"),
        (UNTRUSTED, "TOUCHLINE_KAFKA_CAFILE"),
        (NO_TLS, "TOUCHLINE_KAFKA_SECURITY"),
    ],
)
async def test_one_brokers_refusal_is_worth_more_than_the_silence_of_others(
    monkeypatch: pytest.MonkeyPatch, error: Exception, setting: str
) -> None:
    async def connect(host: str, *_: object, **__: object) -> None:
        raise error if host == "b" else ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(greeting, "create_conn", connect)
    settings = Settings.model_validate(
        {"kafka": "a:1,b:2,c:3", "kafka_security": "sasl_ssl", "kafka_user": "u", "kafka_password": "p"}
    )
    said = await find_obstacle(settings, client_options(settings))

    assert said is not None
    assert said.refused
    assert said.text.startswith("Kafka at b:2 ")
    assert setting in said.text
