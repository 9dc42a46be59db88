"""Expected errors: each is explained to the person at the terminal, without a traceback."""

from __future__ import annotations

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
from schemas.text import MAX_QUOTED, printable, printable_lines, shortened
from streams.settings import SettingsError
from touchline.stack.errors import StackError

_OF_LINES = (SettingsError, StackError, TimeoutError)
"""The errors whose messages have several lines: a line a setting, and the last lines of a child's log."""

_UNREACHABLE = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError)


class CommandError(TouchlineError):
    """The person who called made a mistake; the message says what was wrong and what to do."""


def explain(error: Exception) -> str | None:
    """Return the printable message for an expected error; None for a bug, and for an error that click explains."""
    if isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort)):
        return None
    if isinstance(error, _OF_LINES):
        return printable_lines(str(error)) or type(error).__name__
    if isinstance(error, TouchlineError):
        return printable(str(error)) or type(error).__name__
    if isinstance(error, KafkaError):
        return _explain_kafka(error)
    if isinstance(error, OSError) and error.filename is not None:
        return printable(f"{error.filename}: {error.strerror}")
    return None


def _explain_kafka(error: KafkaError) -> str:
    detail = shortened(" ".join(str(error).split()), MAX_QUOTED)
    if isinstance(error, UnknownTopicOrPartitionError):
        return f"a topic is missing in Kafka; create them with `touchline topics --create` ({detail})"
    if isinstance(error, _UNREACHABLE):
        return f"Kafka does not answer; look at TOUCHLINE_KAFKA, or run `touchline doctor` ({detail})"
    if isinstance(error, IncompatibleBrokerVersion):
        return f"this Kafka is too old for touchline: {detail}"
    return f"Kafka: {detail}"
