"""Registers schemas with a schema registry, under subjects named as producers' serializers name them."""

from __future__ import annotations

import json
import urllib.parse
from http import HTTPStatus
from typing import Any, Literal, get_args

from schemas.avro.fingerprints import Schema
from schemas.avro.names import full_name
from schemas.avro.registry import kind_schemas
from schemas.avro.registry_client import Answer, RegistryClient, RegistryUnavailableError
from schemas.inputs import CONTRACT_INPUTS, InputTopics
from schemas.text import MAX_QUOTED, shortened
from touchline.errors import CommandError

Strategy = Literal["topic", "record", "topic-record"]
"""What a subject is named by, as Confluent's TopicName-, RecordName- and TopicRecordNameStrategy do it."""
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


def subjects_of(kind: str, strategy: Strategy, inputs: InputTopics = CONTRACT_INPUTS) -> list[str]:
    """Return the subjects of the schema of a kind's record: one for each topic that it comes from, if they name topics.

    The subject `<topic>-value` has room for one record: there is none of a topic that carries several kinds.
    """
    schema = kind_schemas()[kind]
    record = full_name(schema["name"], schema.get("namespace", ""))
    topics = inputs.by_kind[kind]
    if strategy == "record":
        return [record]
    if strategy == "topic-record":
        return [f"{topic}-{record}" for topic in topics]
    return [f"{topic}-value" for topic in topics if inputs.only_kind(topic) == kind]


def register_schema(client: RegistryClient, subject: str, schema: Schema) -> int:
    """Register a schema under a subject; return its id, also where it was registered before. Blocks.

    Raises:
        CommandError: the registry does not take it.
        RegistryUnavailableError: the registry does not answer, or not as one does.
    """
    path = f"/subjects/{urllib.parse.quote(subject, safe='')}/versions"
    answer = client.post(path, {"schemaType": "AVRO", "schema": json.dumps(schema, ensure_ascii=False)})
    told = _told(answer)
    if answer.status == HTTPStatus.OK and isinstance(told.get("id"), int):
        return int(told["id"])
    said = shortened(str(told.get("message", "")), MAX_QUOTED)
    if answer.status == HTTPStatus.CONFLICT:
        raise CommandError(
            f"the schema registry does not take the schema for {subject}: it is not compatible with those registered "
            f"there ({said}). Look whether others register under this subject, or choose another by --subjects"
        )
    if answer.status == HTTPStatus.OK:
        raise RegistryUnavailableError(f"the answer for {subject} holds no id; is it a schema registry?")
    raise CommandError(f"the schema registry does not take the schema for {subject}: {answer.status} {said}")


def _told(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError, MemoryError):
        return {}
    return told if isinstance(told, dict) else {}
