"""How every client of Kafka is opened: one place turns the settings into aiokafka's options."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from schemas.errors import TouchlineError
from streams.settings import Settings

_PROTOCOLS = {
    "none": "PLAINTEXT",
    "ssl": "SSL",
    "sasl_plain": "SASL_PLAINTEXT",
    "sasl_ssl": "SASL_SSL",
}
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0

log = structlog.get_logger(__name__)


class BrokerError(TouchlineError):
    """Kafka cannot be used as it is; the message says why, and what to do."""


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the options that aiokafka's consumer, producer and admin client have in common."""
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.kafka.split(",")],
        "client_id": "touchline",
        "security_protocol": _PROTOCOLS[settings.kafka_security],
    }
    if settings.kafka_security in ("ssl", "sasl_ssl"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_cafile)
    if settings.kafka_security.startswith("sasl") and settings.kafka_password is not None:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_user
        options["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return options


async def wait_for_broker(settings: Settings, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Wait until Kafka answers, however long that takes, and say so meanwhile.

    Raises:
        BrokerError: Kafka answers, but refuses us.
    """
    wait = FIRST_WAIT_S
    while True:
        try:
            await _ask(settings)
        except (KafkaConnectionError, KafkaTimeoutError, OSError) as error:
            log.warning("waiting for Kafka", kafka=settings.kafka, retry_in_s=wait, cause=str(error))
        except KafkaError as error:
            raise BrokerError(f"Kafka at {settings.kafka} refused: {error!r}") from error
        else:
            return
        await sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT_S)


async def _ask(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        await admin.list_topics()
    finally:
        await admin.close()
