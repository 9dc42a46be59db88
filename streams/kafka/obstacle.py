"""Finds out why no broker takes us: aiokafka's clients only log it, and say that they cannot connect."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.kafka.greeting import Server, greet, servers_of
from streams.settings import Settings


class Obstacle(NamedTuple):
    """Why no broker takes us.

    Attributes:
        text: which broker, why, and what to do where that is known.
        refused: whether a broker answered and refused us: waiting does not help.
    """

    text: str
    refused: bool


async def find_obstacle(settings: Settings, options: Mapping[str, Any]) -> Obstacle | None:
    """Connect to each broker that the settings name; return why none takes us, None if one does.

    Args:
        settings: how Kafka is reached.
        options: the same as aiokafka's options.
    """
    found = []
    for server in servers_of(settings):
        try:
            await greet(server, options)
        except (KafkaError, OSError, TimeoutError) as error:
            found.append(_obstacle(settings, server, error))
        else:
            return None
    # What a broker says is worth more than the silence of another.
    return max(found, key=lambda one: one.refused)


def _obstacle(settings: Settings, server: Server, error: Exception) -> Obstacle:
    advice = _refusal(settings, error)
    if advice is not None:
        return Obstacle(f"Kafka at {server} {advice}", refused=True)
    security = settings.kafka_security
    hint = f"TOUCHLINE_KAFKA_SECURITY is {security}: is that what the broker wants?"
    if isinstance(error, KafkaError):
        return Obstacle(f"{server} ends the connection without an answer; {hint}", refused=False)
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    if reason:
        return Obstacle(f"{server} is not reached: {reason}", refused=False)
    return Obstacle(f"{server} gives no answer; {hint}", refused=False)


def _refusal(settings: Settings, error: Exception) -> str | None:
    """Return what a broker refuses and what to do, None if it refuses nothing."""
    if isinstance(error, SaslAuthenticationFailed):
        return (
            f"refuses the login of user {settings.kafka_user}: look at TOUCHLINE_KAFKA_USER, "
            "TOUCHLINE_KAFKA_PASSWORD and TOUCHLINE_KAFKA_SASL_MECHANISM"
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"takes no login by {settings.kafka_sasl_mechanism}: choose another, TOUCHLINE_KAFKA_SASL_MECHANISM"
    if isinstance(error, IllegalSaslStateError):
        other = "ssl" if settings.kafka_security == "sasl_ssl" else "none"
        return f"takes no login: set TOUCHLINE_KAFKA_SECURITY={other}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that we do not trust ({error.verify_message}): look at TOUCHLINE_KAFKA_CAFILE"
    if isinstance(error, ssl.SSLError):
        return f"makes no TLS connection ({error.reason}): look at TOUCHLINE_KAFKA_SECURITY"
    return None
