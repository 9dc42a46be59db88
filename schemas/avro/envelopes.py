"""What JSON messages come wrapped in: CloudEvents, the schema and payload of Kafka Connect, Debezium's changes."""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from schemas.avro.jsonl_careful import json_object
from schemas.errors import UndecodableError

MESSAGE = "the message"
"""What errors call the JSON that is read."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n"
_PREFIX = "ce_"
"""With it begin the headers that CloudEvents' binary mode puts an event's attributes into."""
_ATTRIBUTES = ("id", "source", "time")
MAX_ATTRIBUTE_BYTES = 1_024
"""Of an attribute's header; what the attribute stands for has a limit of its own, as in any message."""
_MAX_WRAPPINGS = 3
"""Envelopes within one another: a CloudEvent in the payload of Connect, whose data have a payload again."""
_CONNECT = {"schema", "payload"}
CHANGE_RECORD = "Envelope"
"""What Debezium calls a change in Avro."""
CHANGE = (
    "a change of a table's row, as Debezium sends it (before, after, op); touchline reads events: unwrap the row by "
    "the transform io.debezium.transforms.ExtractNewRecordState, or send the rows of an outbox table"
)


@dataclass(frozen=True)
class CloudEvent:
    """The attributes of a CloudEvent that stand for what its data leave unsaid; None where it lacks them.

    Attributes:
        id: unique within its source.
        source: where it happened, a URI reference.
        time: when it happened, RFC 3339.
    """

    id: str | None
    source: str | None
    time: str | None

    def complete(self, data: dict[str, Any]) -> None:
        """Put the attributes in the place of fields that the data lack."""
        if data.get("event_id") is None and self.id and self.source:
            data["event_id"] = f"{self.source}/{self.id}"
        if data.get("occurred_at") is None and self.time is not None:
            data["occurred_at"] = self.time
        if data.get("source") is None and self.source is not None:
            data["source"] = self.source


def event_of(headers: Iterable[tuple[str, bytes | None]]) -> CloudEvent | None:
    """Return the CloudEvent that a message's headers describe (binary mode); None if they describe none.

    Raises:
        UndecodableError: an attribute that stands for a field is not UTF-8, or too long.
    """
    is_event, attributes = False, {}
    for name, value in headers:
        if name.startswith(_PREFIX) and value is not None:
            is_event = True
            attribute = name.removeprefix(_PREFIX)
            if attribute in _ATTRIBUTES:
                attributes[attribute] = _decoded(name, value)
    return _event(attributes) if is_event else None


def _decoded(name: str, value: bytes) -> str:
    if len(value) > MAX_ATTRIBUTE_BYTES:
        raise UndecodableError(
            f"the header {name} of the CloudEvent has {len(value):,} bytes; at most {MAX_ATTRIBUTE_BYTES:,} are taken"
        )
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise UndecodableError(f"the header {name} of the CloudEvent is not UTF-8") from error


def unwrapped(found: dict[str, Any], event: CloudEvent | None) -> tuple[dict[str, Any], CloudEvent | None]:
    """Return what lies within the envelopes of a JSON object, and the CloudEvent that it is the data of, if any.

    Args:
        found: a message's JSON.
        event: what its headers say of it. A CloudEvent in the JSON holds instead, the innermost of several.

    Raises:
        UndecodableError: there is nothing to be read in an envelope, or it is a change of a table's row.
        BadLineError: what a CloudEvent holds in base64 is not a JSON object.
    """
    is_coded = False
    for _ in range(_MAX_WRAPPINGS + 1):
        if found.keys() == _CONNECT:
            found = _inner(found["payload"], "the payload beside the message's schema")
        elif "specversion" in found:
            event = _event(found)
            found, is_coded = _data(found, within_coded=is_coded)
        elif "op" in found and ("before" in found or "after" in found or isinstance(found.get("source"), dict)):
            raise UndecodableError(f"the message is {CHANGE}")
        else:
            return found, event
    raise UndecodableError(f"the message has more than {_MAX_WRAPPINGS} envelopes within one another")


def _event(attributes: dict[str, Any]) -> CloudEvent:
    return CloudEvent(*(_text(name, attributes.get(name)) for name in _ATTRIBUTES))


def _text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise UndecodableError(f"{name} of the CloudEvent is not a text")
    return value


def _data(event: dict[str, Any], *, within_coded: bool) -> tuple[dict[str, Any], bool]:
    """Return the data of a CloudEvent, and whether they, or what they stand in, are in base64."""
    if event.get("data") is None and (coded := event.get("data_base64")) is not None:
        if within_coded:
            raise UndecodableError("data_base64 of the CloudEvent stands in data_base64 of another")
        return _decoded_data(coded), True
    return _inner(event.get("data"), "the data of the CloudEvent"), within_coded


def _decoded_data(coded: Any) -> dict[str, Any]:
    try:
        data = binascii.a2b_base64(coded, strict_mode=True)
    except (TypeError, ValueError) as error:  # of which binascii's own is one
        raise UndecodableError("data_base64 of the CloudEvent is not base64") from error
    if not is_json(data):
        raise UndecodableError(
            "data_base64 of the CloudEvent is not JSON; send Avro in binary mode, with the attributes as headers"
        )
    return json_object(data.removeprefix(BYTE_ORDER_MARK), MESSAGE)


def _inner(value: object, what: str) -> dict[str, Any]:
    if value is None:
        raise UndecodableError(f"{what} are missing" if what.startswith("the data") else f"{what} is null")
    if not isinstance(value, dict):
        raise UndecodableError(f"{what} must be a JSON object")
    return value


def is_json(data: bytes) -> bool:
    """Return whether bytes begin as a JSON object does; white space and a byte order mark may stand before it."""
    return data.removeprefix(BYTE_ORDER_MARK).lstrip(_WHITE_SPACE)[:1] == b"{"
