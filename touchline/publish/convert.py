"""Turns a line into its message, or says why it cannot be one."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.jsonl import BadLineError, parse_line
from schemas.avro.registry import FileRegistry
from schemas.inputs import CONTRACT_INPUTS, InputTopics
from schemas.topics import MAX_TOUCHPOINT_BYTES
from streams.identity.identities import Identities
from streams.intake.checks import MAX_EVENT_ID, InvalidRecordError
from streams.intake.lengths import EVENT_ID, check_characters, check_lengths
from touchline.publish.lines import Line
from touchline.publish.spool import Message

__all__ = ["BadLineError", "Converter"]

_IDENTITIES = Identities()


class Converter:
    """Turns lines into messages. The workers, not this class, decide whether a record is valid, but for its lengths.

    A message goes to the first topic of its kind: in Avro, or in JSON that says its kind where others come there too.

    Args:
        inputs: the input topics.

    Attributes:
        topics: by kind, the one that its messages go to.
    """

    def __init__(self, inputs: InputTopics = CONTRACT_INPUTS) -> None:
        self._codec = Codec(FileRegistry())
        self.topics = {kind: topics[0] for kind, topics in inputs.by_kind.items()}
        self._is_shared = {kind: inputs.only_kind(topic) is None for kind, topic in self.topics.items()}

    def message(self, line: Line) -> tuple[int, Message]:
        """Return when a line's touchpoint happened, ms, and its message.

        Raises:
            BadLineError: it is no touchpoint, or too large to be taken. No line raises another error.
        """
        if line.data is None:
            raise BadLineError(line.fault)
        kind, record = parse_line(line.data)
        value = self.value(kind, record)
        if len(value) > MAX_TOUCHPOINT_BYTES:
            raise BadLineError(f"the touchpoint takes {len(value):,} bytes, at most {MAX_TOUCHPOINT_BYTES:,} are taken")
        # Before the key: to compare identifiers of a megabyte takes long, and brokers store keys as they are.
        try:
            check_characters(EVENT_ID, record[EVENT_ID], MAX_EVENT_ID)
            check_lengths(kind, record, len(value))
        except InvalidRecordError as error:
            raise BadLineError(error.detail) from error
        return record["occurred_at"], Message(self.topics[kind], key_of(record).encode(), value)

    def value(self, kind: str, record: dict[str, Any]) -> bytes:
        """Return the value of the message of a kind's whole record, be it too large.

        Raises:
            BadLineError: the record does not fit its schema.
        """
        try:
            value = self._codec.encode(KIND_RECORDS[kind], record)
            if self._is_shared[kind]:
                value = msgspec.json.encode({"kind": kind, **record})
        except (ValueError, TypeError) as error:
            raise BadLineError(str(error)) from error
        return value


def key_of(record: dict[str, Any]) -> str:
    """Return the message key, which is advice: the customer, else the strongest identifier, else the event."""
    customer = _IDENTITIES.customer(record.get("customer_id") or "")
    if customer is not None:
        return customer
    identifiers = _IDENTITIES.usable(record.get("identifiers", {}))
    return identifiers[0][1] if identifiers else str(record["event_id"])
