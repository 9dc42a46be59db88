"""Expected errors: each is explained to the person at the terminal, without a traceback."""

from __future__ import annotations

import re

import click
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    UnknownTopicOrPartitionError,
)

from schemas.errors import TouchlineError
from sinks.errors import SinkError

_EXPECTED_ONE_OF = re.compile(r"\. Expected one of: .*?(?= \([A-Z_]+\)|$)")
_STACK_TRACE = re.compile(r" ?Stack trace: .*")

_UNREACHABLE = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError)


class CommandError(TouchlineError):
    """The person who called made a mistake; the message says what was wrong and what to do."""


def explain(error: Exception) -> str | None:
    """Return the message for an expected error; None for a bug, and for an error that click explains."""
    if isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort)):
        return None
    if isinstance(error, SinkError):
        return clickhouse_message(str(error))
    if isinstance(error, (TouchlineError, TimeoutError)):
        return str(error) or type(error).__name__
    if isinstance(error, KafkaError):
        return _explain_kafka(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return None


def _explain_kafka(error: KafkaError) -> str:
    detail = " ".join(str(error).split())
    if isinstance(error, UnknownTopicOrPartitionError):
        return f"a topic is missing in Kafka; create them with `touchline topics --create` ({detail})"
    if isinstance(error, _UNREACHABLE):
        return f"Kafka does not answer; look at TOUCHLINE_KAFKA, or run `touchline doctor` ({detail})"
    if isinstance(error, IncompatibleBrokerVersion):
        return f"this Kafka is too old for touchline: {detail}"
    return f"Kafka: {detail}"


def clickhouse_message(message: str) -> str:
    """Return a message of ClickHouse on one line, without stack trace and lists of tokens."""
    line = " ".join(message.split())
    return _EXPECTED_ONE_OF.sub("", _STACK_TRACE.sub("", line))
