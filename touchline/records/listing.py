"""Which records there are, with their versions, and how a message of each begins."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro.fingerprints import Schema, header_of
from schemas.avro.registry import current_schemas, schema_history
from schemas.inputs import CONTRACT_INPUTS, InputTopics
from schemas.kinds import KINDS
from touchline.errors import CommandError


@dataclass(frozen=True)
class RecordVersion:
    """One version of a record of the inputs.

    Attributes:
        record: the record's name.
        kind: the kind whose topics carry it.
        topic: these topics, as a comma list.
        version: counted from 1; the last is the one in force.
        header: the ten bytes with which a message begins in single-object encoding.
    """

    record: str
    kind: str
    topic: str
    version: int
    header: bytes


def record_versions(inputs: InputTopics = CONTRACT_INPUTS, *, every: bool = False) -> list[RecordVersion]:
    """Return the records of the inputs in the contract's order: the version in force, or every one."""
    found = []
    for kind in KINDS.values():
        history = list(enumerate(schema_history(kind.record), start=1))
        found += [
            RecordVersion(kind.record, kind.name, ", ".join(inputs.by_kind[kind.name]), version, header_of(schema))
            for version, schema in (history if every else history[-1:])
        ]
    return found


def kind_named(name: str, inputs: InputTopics = CONTRACT_INPUTS) -> str:
    """Return the kind with this name, record or topic, names and records in any case.

    Raises:
        CommandError: there is none, or the topic carries several.
    """
    wanted = name.casefold()
    for kind in KINDS.values():
        if wanted in {kind.name, kind.record.casefold(), kind.topic}:
            return kind.name
    carried = inputs.kinds.get(name, ())
    if len(carried) == 1:
        return carried[0]
    if carried:
        raise CommandError(f"topic {name} carries several kinds: name one of {', '.join(carried)}")
    known = ", ".join(KINDS)
    raise CommandError(f"there is no kind, record or topic {name!r}; the kinds are {known}")


def schema_named(name: str, inputs: InputTopics = CONTRACT_INPUTS) -> Schema:
    """Return the schema in force of a kind, record or topic, or of a signal's record.

    Raises:
        CommandError: there is none.
    """
    current = current_schemas()
    for record, schema in current.items():
        if record.casefold() == name.casefold():
            return schema
    return current[KINDS[kind_named(name, inputs)].record]
