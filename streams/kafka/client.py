"""Opening a client of Kafka: aiokafka's options from the settings, and waiting for a broker."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog
from aiokafka.errors import (
    BrokerNotAvailableError,
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    KafkaUnavailableError,
    ReplicaNotAvailableError,
    TopicAuthorizationFailedError,
)

from schemas.errors import TouchlineError
from streams.kafka.admin_client import AdminClient
from streams.kafka.obstacle import Obstacle, find_obstacle
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

_RIGHTS = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)

GOODBYE_S = 1.0
_stopping: set[asyncio.Future[None]] = set()
"""Keeps what goes on in the background; the event loop would forget it."""

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


async def wait_out(
    settings: Settings,
    attempt: Callable[[], Awaitable[T]],
    sleep: Sleep = asyncio.sleep,
    on_failure: Callable[[str], None] = lambda _: None,
) -> T:
    """Return the result of the first attempt that Kafka answers, however long that takes; log each other one.

    Args:
        settings: how Kafka is reached.
        attempt: asks Kafka for the result.
        sleep: waits for some seconds.
        on_failure: called with the cause of each attempt that failed.

    Raises:
        KafkaError: one that does not pass by itself.
    """

    def log_failure(failure: Failure[Exception]) -> None:
        cause = str(failure.error) or repr(failure.error)
        log.warning("waiting for Kafka", kafka=settings.kafka, retry_in_s=failure.retry_in_s, cause=cause)
        on_failure(cause)

    return await retry(
        attempt,
        transient=(KafkaError, OSError),
        passes=passes,
        backoff=BROKER_BACKOFF,
        on_failure=log_failure,
        sleep=sleep,
    )


async def close(stop: Coroutine[Any, Any, None], patience_s: float = GOODBYE_S) -> None:
    """Stop a client of aiokafka, and wait for it, but not for a broker that does not say goodbye.

    Over TLS a client waits for the goodbye on each connection. While a request is under way none may come, and
    asyncio gives a connection up only after 30 s. That then goes on in the background.

    Args:
        stop: what the client's own method returns.
        patience_s: seconds to wait for it.
    """
    stopping = asyncio.ensure_future(stop)
    _stopping.add(stopping)
    stopping.add_done_callback(_stopping.discard)
    done, _ = await asyncio.wait({stopping}, timeout=patience_s)
    for stopped in done:
        stopped.result()


async def obstacle_of(settings: Settings) -> Obstacle | None:
    """Return why no broker takes us, None if one does."""
    return await find_obstacle(settings, client_options(settings))


def explained(settings: Settings, error: BaseException) -> BaseException:
    """Return a refusal of rights as an error that says whose they are and what to do; any other error as it is."""
    if not isinstance(error, _RIGHTS):
        return error
    who = f"user {settings.kafka_user}" if settings.kafka_user else "this client"
    return BrokerError(
        f"Kafka at {settings.kafka} refuses {who} a right: {error}. Grant it: docs/operating.md#rights-in-kafka"
    )


async def wait_for_broker(
    settings: Settings, sleep: Sleep = asyncio.sleep, on_failure: Callable[[str], None] = lambda _: None
) -> None:
    """Wait until Kafka answers, however long that takes, and log each attempt.

    Args:
        settings: how Kafka is reached.
        sleep: waits for some seconds.
        on_failure: called with the cause of each attempt that failed.

    Raises:
        BrokerError: Kafka answers, but refuses us.
    """
    try:
        await wait_out(settings, lambda: _list_topics(settings), sleep, on_failure)
    except KafkaError as error:
        raise BrokerError(f"Kafka at {settings.kafka} refused: {error!r}") from error


async def _list_topics(settings: Settings) -> None:
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        await admin.list_topics()
    except (KafkaConnectionError, OSError) as error:
        obstacle = await obstacle_of(settings)
        if obstacle is None:
            raise
        if obstacle.refused:
            raise BrokerError(obstacle.text) from error
        raise KafkaConnectionError(obstacle.text) from error
    finally:
        await admin.close()
