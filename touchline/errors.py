"""Errors that are no bugs: what to tell the person at the terminal instead of a traceback."""

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
from streams.kafka.client import BrokerError
from streams.kafka.producer import ProduceError
from streams.settings import SettingsError
from touchline.stack.errors import StackError

_EXPECTED_ONE_OF = re.compile(r"\. Expected one of: .*?(?= \([A-Z_]+\)|$)")
_STACK_TRACE = re.compile(r" ?Stack trace: .*")

_UNREACHABLE = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError)


class CommandError(TouchlineError):
    """Something the person who called can mend; the message says what was wrong and what to do."""


_PLAIN = (CommandError, SettingsError, StackError, BrokerError, ProduceError, TimeoutError)
"""Errors whose own message says all."""


def explain(error: Exception) -> str | None:
    """Return what to say of an expected error; None for a bug, and for what click explains."""
    if isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort)):
        return None
    if isinstance(error, _PLAIN):
        return str(error) or type(error).__name__
    if isinstance(error, SinkError):
        return clickhouse_message(str(error))
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
    """Return an error of ClickHouse on one readable line: without stack trace or lists of tokens."""
    line = " ".join(message.split())
    return _EXPECTED_ONE_OF.sub("", _STACK_TRACE.sub("", line))
