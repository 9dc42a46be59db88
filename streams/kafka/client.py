"""Opening a client of Kafka: aiokafka's options from the settings, and waiting for a broker."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    BrokerNotAvailableError,
    CorruptRecordException,
    KafkaError,
    KafkaTimeoutError,
    KafkaUnavailableError,
    ReplicaNotAvailableError,
)

from schemas.errors import TouchlineError
from streams.runtime.retry import Backoff, Failure, Sleep, retry
from streams.settings import Settings

_PROTOCOLS = {
    "none": "PLAINTEXT",
    "ssl": "SSL",
    "sasl_plain": "SASL_PLAINTEXT",
    "sasl_ssl": "SASL_SSL",
}
BROKER_BACKOFF = Backoff(first_s=0.5, longest_s=10.0)
_PASSING = (
    BrokerNotAvailableError,
    CorruptRecordException,
    KafkaTimeoutError,
    KafkaUnavailableError,
    ReplicaNotAvailableError,
)
"""Errors that pass by themselves, though aiokafka does not call them retriable; Kafka's own clients do."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class BrokerError(TouchlineError):
    """Kafka cannot be used as it is; the message says why, and what to do."""


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the options that aiokafka's consumer, producer and admin client have in common.

    Raises:
        BrokerError: the file of `TOUCHLINE_KAFKA_CAFILE` cannot be read, or holds no certificates.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.kafka.split(",")],
        "client_id": "touchline",
        "security_protocol": _PROTOCOLS[settings.kafka_security],
    }
    if settings.kafka_security in ("ssl", "sasl_ssl"):
        options["ssl_context"] = _trusting(settings.kafka_cafile)
    if settings.kafka_security.startswith("sasl") and settings.kafka_password is not None:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_user
        options["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return options


def _trusting(cafile: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=cafile)
    except ssl.SSLError as error:
        raise BrokerError(f"TOUCHLINE_KAFKA_CAFILE: {cafile} holds no certificates in PEM format") from error
    except OSError as error:
        raise BrokerError(f"TOUCHLINE_KAFKA_CAFILE: {cafile} cannot be read: {error.strerror}") from error


def passes(error: Exception) -> bool:
    """Return whether an error of Kafka or of the network passes by itself, so that one can wait for its end."""
    if isinstance(error, KafkaError):
        return bool(error.retriable) or isinstance(error, _PASSING)
    return isinstance(error, OSError)


async def wait_out(settings: Settings, attempt: Callable[[], Awaitable[T]], sleep: Sleep = asyncio.sleep) -> T:
    """Return the result of the first attempt that Kafka answers, however long that takes; log each other one.

    Raises:
        KafkaError: one that does not pass by itself.
    """

    def log_failure(failure: Failure[Exception]) -> None:
        cause = str(failure.error) or repr(failure.error)
        log.warning("waiting for Kafka", kafka=settings.kafka, retry_in_s=failure.retry_in_s, cause=cause)

    return await retry(
        attempt,
        transient=(KafkaError, OSError),
        passes=passes,
        backoff=BROKER_BACKOFF,
        on_failure=log_failure,
        sleep=sleep,
    )


async def wait_for_broker(settings: Settings, sleep: Sleep = asyncio.sleep) -> None:
    """Wait until Kafka answers, however long that takes, and log each attempt.

    Raises:
        BrokerError: Kafka answers, but refuses us.
    """
    try:
        await wait_out(settings, lambda: _list_topics(settings), sleep)
    except KafkaError as error:
        raise BrokerError(f"Kafka at {settings.kafka} refused: {error!r}") from error


async def _list_topics(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        await admin.list_topics()
    finally:
        await admin.close()
