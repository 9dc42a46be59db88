"""Checks one message as INGEST would, and says what it is or why it would be refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.avro.codec import CONFLUENT, CONFLUENT_SIZE, SINGLE_OBJECT_SIZE, Codec
from schemas.avro.envelopes import is_json
from schemas.avro.fingerprints import SINGLE_OBJECT
from schemas.avro.json_messages import stated_kind
from schemas.avro.registry import JSON_SCHEMA, Registry, Schema, schema_history
from schemas.errors import UndecodableError
from schemas.inputs import CONTRACT_INPUTS, InputTopics
from schemas.kinds import KINDS
from schemas.kinds.touchpoint import Touchpoint
from schemas.text import shortened
from streams.identity.identities import Identities
from streams.intake.accept import Source, accept
from streams.intake.checks import check_size
from streams.sentiment import Scorer

_HERE = Source(task=0, topic="", partition=0, offset=0, received_at=0)


@dataclass(frozen=True)
class Checked:
    """What a good message is.

    Attributes:
        kind: the kind of its record.
        framing: how it is written, in words.
        customer_key: the customer or profile that it belongs to; None of a kind that concerns no customer.
        unknown: the names of its fields that the kind does not have, which are not read; only of JSON.
    """

    kind: str
    framing: str
    customer_key: str | None
    unknown: list[str]


class Checker:
    """Checks messages as INGEST does.

    Args:
        registry: finds the schemas that messages were written with; may block.
        scorer: scores the customers' own words.
        identities: say whose a touchpoint is.
    """

    def __init__(self, registry: Registry, scorer: Scorer, identities: Identities) -> None:
        self._registry = registry
        self._unknown: list[str] = []
        self._codec = Codec(registry, lambda _kind, names: self._unknown.extend(names))
        self._scorer = scorer
        self._identities = identities

    def check(self, data: bytes, expected: str | None, now: int) -> Checked:
        """Return what a message is.

        Args:
            data: the message's value: Avro in either framing, or JSON.
            expected: the kind whose topic it is for; None takes that of its schema, or the one that JSON states.
            now: wall-clock time, ms.

        Raises:
            RefusalError: it would be refused; says why.
            RegistryUnavailableError: the schema registry does not answer.
        """
        check_size(data)
        self._unknown.clear()
        kind = expected or self._kind_of(data)
        record = self._codec.decode(kind, data)
        return Checked(kind, self._framing(data), self._customer_key(kind, record, now), list(self._unknown))

    def _customer_key(self, kind: str, record: dict[str, Any], now: int) -> str | None:
        accepted = accept(kind, record, _HERE, now=now, scorer=self._scorer, identities=self._identities)
        return accepted.customer_key if isinstance(accepted, Touchpoint) else None

    def _kind_of(self, data: bytes) -> str:
        """Return the kind of a message, whatever topic it is for."""
        if is_json(data):
            return _kind_stated(data)
        if data.startswith(CONFLUENT) and len(data) >= CONFLUENT_SIZE and self._writer(data) is JSON_SCHEMA:
            return _kind_stated(data[CONFLUENT_SIZE:])
        return self._codec.kind_of(tuple(KINDS), data)

    def _framing(self, data: bytes) -> str:
        """Return in words how a message that can be read is written."""
        if is_json(data):
            return "JSON"
        if data.startswith(SINGLE_OBJECT):
            fingerprint = data[len(SINGLE_OBJECT) : SINGLE_OBJECT_SIZE]
            known = _version(self._registry.by_fingerprint(fingerprint))
            return f"Avro single-object encoding, fingerprint {fingerprint.hex()} is known{known}"
        return f"Confluent framing, schema id {_schema_id(data)} is known"

    def _writer(self, data: bytes) -> Schema:
        """Return the schema that a message in Confluent framing was written with."""
        return self._registry.by_id(_schema_id(data))


def _schema_id(data: bytes) -> int:
    return int.from_bytes(data[len(CONFLUENT) : CONFLUENT_SIZE], "big")


def _kind_stated(data: bytes) -> str:
    kind = stated_kind(data)
    if kind is None:
        raise UndecodableError("the message states no kind; say for which topic it is, by --kind")
    if kind not in KINDS:
        raise UndecodableError(f"kind is {kind!r}; the kinds are {', '.join(KINDS)}")
    return kind


def _version(writer: Schema) -> str:
    history = schema_history(str(writer["name"]))
    version = history.index(writer) + 1
    return f" (version {version}{', the one in force' if version == len(history) else ''})"


def described(checked: Checked, inputs: InputTopics = CONTRACT_INPUTS) -> str:
    """Return what a good message is, in a line."""
    kind = KINDS[checked.kind]
    owner = "" if checked.customer_key is None else f"; it belongs to {checked.customer_key}"
    unread = f"; these fields are unknown, and not read: {', '.join(checked.unknown)}" if checked.unknown else ""
    topics = " or ".join(inputs.by_kind[checked.kind])
    return f"a valid {kind.record} for {topics}: {checked.framing}{owner}{shortened(unread)}"
