"""What a signal says to people: a notice, the same for all kinds of signals. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from schemas.avro.registry import Schema, current_schemas
from schemas.errors import UndecodableError
from schemas.topics import SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS, SIGNAL_SHIFTS, SIGNAL_TOPICS
from schemas.units import TIMES

SignalName = Literal["follow_ups", "abandonments", "sentiment_shifts"]
Record = Mapping[str, Any]
"""A signal's record, times as epoch ms."""

WITHDRAWN = "withdrawn"
DETECTED = "detected"
"""The only status of a shift."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ID_BYTES = 16
_CUSTOMER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Notice:
    """What people may be told of.

    Attributes:
        signal: which of the signals it is.
        id: of the follow-up, abandonment or shift; the same whatever happens to it.
        status: how far it is.
        changed_at: when its status came about, event time, epoch ms; 0 where it is not known.
        withdrawn: whether it does not hold any more.
        record: the signal.
    """

    signal: SignalName
    id: str
    status: str
    changed_at: int
    withdrawn: bool
    record: Record

    @property
    def customer_id(self) -> str:
        """Whom it is about."""
        return str(self.record["customer_id"])

    def key(self, *, of_customer: bool) -> str:
        """Return what a delivery of it, and each repeat of that, is known by.

        Args:
            of_customer: whether the same under another name of the customer is another delivery: who is told that it
                was withdrawn under one name has to be told that it goes on under the other.
        """
        status = WITHDRAWN if self.withdrawn else _short(self.status)
        if not of_customer:
            return f"{self.id}:{status}"
        return f"{self.id}:{status}:{_digest([self.customer_id], _CUSTOMER_BYTES)}"


def notice_of(topic: str, record: Record) -> Notice:
    """Return the notice of a signal of a topic.

    Raises:
        UndecodableError: a moment in it is none.
    """
    notice = _MAKERS[topic](record)
    for name in MOMENTS[notice.signal]:
        if record[name] and record[name] not in TIMES:
            raise UndecodableError(f"{name} is {record[name]}, which is no time of ours")
    return notice


def _of_follow_up(record: Record) -> Notice:
    # The first schema, of which nothing was ever sent, had no id.
    found = _short(record["follow_up_id"] or _digest([record["reason"], record["event_id"], record["due_at"]]))
    withdrawn = record["retracted"] or record["status"] == WITHDRAWN
    return Notice("follow_ups", found, record["status"], record["changed_at"], withdrawn, record)


def _of_abandonment(record: Record) -> Notice:
    # By the name that its first touchpoint stated: it is the same when the customer gets another.
    stated = record["previous_customer_id"] or record["customer_id"]
    found = _digest([stated, record["subject"], record["subject_id"]])
    changed_at = record["recovered_at"] or record["abandoned_at"]
    return Notice("abandonments", found, record["status"], changed_at, record["retracted"], record)


def _of_shift(record: Record) -> Notice:
    found = _short(record["shift_id"])
    return Notice("sentiment_shifts", found, DETECTED, record["detected_at"], record["retracted"], record)


_MAKERS: dict[str, Callable[[Record], Notice]] = {
    SIGNAL_FOLLOW_UPS: _of_follow_up,
    SIGNAL_ABANDONMENTS: _of_abandonment,
    SIGNAL_SHIFTS: _of_shift,
}
TOPICS: dict[SignalName, str] = {
    "follow_ups": SIGNAL_FOLLOW_UPS,
    "abandonments": SIGNAL_ABANDONMENTS,
    "sentiment_shifts": SIGNAL_SHIFTS,
}
"""The topic of each signal."""
_MOMENT = "timestamp-millis"


def _moments(schema: Schema) -> frozenset[str]:
    """Return the fields of a record that are moments."""
    found = []
    for field in schema["fields"]:
        branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
        if any(isinstance(branch, dict) and branch.get("logicalType") == _MOMENT for branch in branches):
            found.append(field["name"])
    return frozenset(found)


RECORDS: dict[str, str] = {topic: record for record, topic in SIGNAL_TOPICS.items()}
"""The record of each topic of signals."""
MOMENTS: Mapping[SignalName, frozenset[str]] = {
    name: _moments(current_schemas()[RECORDS[topic]]) for name, topic in TOPICS.items()
}
"""The fields of each signal's record that are moments, epoch ms."""


def _short(found: str) -> str:
    """Return an id that fits headers as it is, or else its digest."""
    return found if _ID.fullmatch(found) else _digest([found])


def _digest(parts: list[Any], size: int = _ID_BYTES) -> str:
    return blake2b(msgspec.msgpack.encode(parts), digest_size=size).hexdigest()
