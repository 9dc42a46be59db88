"""Turns a line into its message, or says why it cannot be one."""

from __future__ import annotations

from typing import Any

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.jsonl import BadLineError, parse_line
from schemas.avro.registry import FileRegistry
from schemas.topics import KIND_TOPICS, MAX_TOUCHPOINT_BYTES
from streams.identity.identities import Identities
from touchline.publish.lines import Line
from touchline.publish.spool import Message

__all__ = ["BadLineError", "Converter"]

_IDENTITIES = Identities()


class Converter:
    """Turns lines into messages. The workers, not this class, decide whether a record is valid."""

    def __init__(self) -> None:
        self._codec = Codec(FileRegistry())

    def message(self, line: Line) -> tuple[int, Message]:
        """Return when a line's touchpoint happened, ms, and its message.

        Raises:
            BadLineError: it is no touchpoint, or too large to be taken. No line raises another error.
        """
        if line.data is None:
            raise BadLineError(line.fault)
        kind, record = parse_line(line.data)
        try:
            value = self._codec.encode(KIND_RECORDS[kind], record)
        except (ValueError, TypeError) as error:
            raise BadLineError(str(error)) from error
        if len(value) > MAX_TOUCHPOINT_BYTES:
            raise BadLineError(f"the touchpoint takes {len(value):,} bytes, at most {MAX_TOUCHPOINT_BYTES:,} are taken")
        return record["occurred_at"], Message(KIND_TOPICS[kind], key_of(record).encode(), value)


def key_of(record: dict[str, Any]) -> str:
    """Return the message key, which is advice: the customer, else the strongest identifier, else the event."""
    customer = _IDENTITIES.customer(record.get("customer_id") or "")
    if customer is not None:
        return customer
    identifiers = _IDENTITIES.usable(record.get("identifiers", {}))
    return identifiers[0][1] if identifiers else str(record["event_id"])
