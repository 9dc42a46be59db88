"""The schemas that messages were written with: those of the files shipped here, and those of a schema registry."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Callable
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from schemas.avro.fingerprints import Schema, fingerprint_of, fingerprints_of
from schemas.avro.limits import LIMITS, check_json
from schemas.avro.references import with_types_of
from schemas.avro.registry_client import RegistryClient, RegistryUnavailableError
from schemas.errors import UnknownSchemaError
from schemas.kinds import KINDS

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["Registry", "Schema", "fingerprint_of", "open_registry"]

TIMEOUT_S = 5.0
MAX_REFERENCES = 100
"""The most schemas that one may refer to, directly or through others."""
MAX_REFERENCE_DEPTH = 16
MAX_FETCH_S = 20.0
"""Seconds after which a schema with all that it refers to is given up for now; what was had of it is kept."""
JSON_SCHEMA: Schema = {"type": "JSON Schema"}
"""Stands for every schema of type JSON: messages that name one are read by the names of their fields."""
IDS = range(1, 1 << 31)
"""The ids that a registry gives out."""
MAX_SCHEMAS = 1_000
MAX_SCHEMAS_BYTES = 16 << 20
"""The most schemas of a registry that a process keeps, and of their JSON, with what they refer to, characters."""
MAX_REFERENCED_BYTES = 4 << 20
"""The most characters of the JSON of schemas that are kept because others may refer to them too."""
MISSING_S = 30.0
MAX_MISSING = 10_000
"""For so many seconds an id that the registry does not know is not asked for again, of so many ids at most."""
_NOT_FOUND = {40401, 40402, 40403}
"""A registry's codes for a subject, version or id it does not know; without them, a 404 may mean a wrong address."""


class Registry(Protocol):
    """Finds writers' schemas. Both methods may block; callers keep the schemas."""

    def by_fingerprint(self, fingerprint: bytes) -> Schema:
        """Return the schema with this CRC-64-AVRO fingerprint (8 bytes, little-endian).

        Raises:
            UnknownSchemaError: no shipped schema has it.
        """

    def by_id(self, schema_id: int) -> Schema:
        """Return the schema that has this id in the schema registry, with the types of the schemas it refers to.

        Of a schema of type JSON, `JSON_SCHEMA` itself is returned.

        Raises:
            UnknownSchemaError: the registry does not know it or one that it refers to, or there is no registry.
            RegistryUnavailableError: the registry does not answer; the message may be fine.
        """


def current_schemas() -> dict[str, Schema]:
    """Return the schemas in force, by the name of their record."""
    found = (_load(file) for file in _avsc(resources.files("schemas")))
    return {schema["name"]: schema for schema in found}


def kind_schemas() -> dict[str, Schema]:
    """Return the schemas in force, by kind.

    Raises:
        FileNotFoundError: a declared kind has no schema.
    """
    schemas = current_schemas()
    for name, kind in KINDS.items():
        if kind.record not in schemas:
            raise FileNotFoundError(f"the kind {name} has no schema: write schemas/{kind.record}.avsc")
    return {name: schemas[kind.record] for name, kind in KINDS.items()}


def schema_history(record: str) -> list[Schema]:
    """Return every version of a record's schema, the oldest first; the last is the one in force.

    Raises:
        FileNotFoundError: there is no folder of them.
    """
    folder = resources.files("schemas") / "history" / record
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{record} has no history: copy schemas/{record}.avsc to schemas/history/{record}/0001.avsc"
        )
    return [_load(file) for file in sorted(_avsc(folder), key=lambda file: file.name)]


def _avsc(folder: Traversable) -> list[Traversable]:
    return [file for file in folder.iterdir() if file.name.endswith(".avsc")]


def _load(file: Traversable) -> Schema:
    schema: Schema = json.loads(file.read_text(encoding="utf-8"))
    return schema


class FileRegistry:
    """The schemas shipped with touchline: those in force and all earlier ones. Knows no ids."""

    def __init__(self) -> None:
        every = [schema for record in current_schemas() for schema in schema_history(record)]
        self._known = {known: schema for schema in every for known in fingerprints_of(schema)}

    def by_fingerprint(self, fingerprint: bytes) -> Schema:
        """Return the shipped schema with this fingerprint, or raise UnknownSchemaError."""
        schema = self._known.get(fingerprint)
        if schema is None:
            raise UnknownSchemaError(
                f"no schema shipped with touchline has the fingerprint {fingerprint.hex()}; "
                "send with a schema of schemas/, or in Confluent framing with a schema registry"
            )
        return schema

    def by_id(self, schema_id: int) -> Schema:
        """Raise UnknownSchemaError: only a schema registry gives out ids."""
        raise UnknownSchemaError(
            f"the message names schema id {schema_id}, but no schema registry is configured (TOUCHLINE_SCHEMA_REGISTRY)"
        )


class _Reference(NamedTuple):
    """What one schema says of another, whose types it mentions."""

    subject: str
    version: int

    def __str__(self) -> str:
        return f"version {self.version} of subject {self.subject}"


class _Registered(NamedTuple):
    """A schema as the registry has it, before its references are resolved."""

    schema: Any
    references: list[_Reference]
    size: int
    """Characters of its JSON."""


class ConfluentRegistry:
    """A schema registry with Confluent's HTTP interface; fingerprints come from the shipped files.

    Args:
        url: its address, with `user:password@` where it asks for them.
        files: what knows the fingerprints.
        timeout_s: seconds until a silent registry counts as unavailable.
        clock: tells seconds.
    """

    def __init__(
        self, url: str, files: Registry, timeout_s: float = TIMEOUT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = RegistryClient(url, timeout_s)
        self._files = files
        self._clock = clock
        self._known: dict[int, Schema] = {}
        self._known_bytes = 0
        self._missing: dict[int, tuple[float, str]] = {}
        self._referenced: dict[_Reference, _Registered] = {}
        self._referenced_bytes = 0

    def by_fingerprint(self, fingerprint: bytes) -> Schema:
        """Return the shipped schema with this fingerprint, or raise UnknownSchemaError."""
        return self._files.by_fingerprint(fingerprint)

    def by_id(self, schema_id: int) -> Schema:
        """Return the schema with this id, asking the registry the first time only, and only for what can be an id.

        One that the registry does not know is asked for again after `MISSING_S`.
        """
        schema = self._known.get(schema_id)
        if schema is None:
            if schema_id not in IDS:
                raise UnknownSchemaError(f"the message names schema id {schema_id}; ids go from 1 to {IDS[-1]}")
            self._check_missing(schema_id)
            self._check_room(schema_id, 0)
            try:
                schema, size = self._fetch(schema_id)
            except (UnknownSchemaError, RegistryUnavailableError):
                raise
            except Exception as error:  # an answer may be wrong in any way
                refusal = f"what the schema registry answers for the schema id {schema_id} is no schema: {error!r}"
                self._note_missing(schema_id, refusal)
                raise UnknownSchemaError(refusal) from error
            self._check_room(schema_id, size)
            self._known[schema_id] = schema
            self._known_bytes += size
        return schema

    def _check_missing(self, schema_id: int) -> None:
        """Raise UnknownSchemaError where the registry has said lately that it does not know an id."""
        until, message = self._missing.get(schema_id, (0.0, ""))
        if until > self._clock():
            raise UnknownSchemaError(message)

    def _note_missing(self, schema_id: int, message: str) -> None:
        self._missing.pop(schema_id, None)
        if len(self._missing) >= MAX_MISSING:
            # Several threads may ask: another may have dropped it.
            self._missing.pop(next(iter(self._missing)), None)
        self._missing[schema_id] = self._clock() + MISSING_S, message

    def _check_room(self, schema_id: int, size: int) -> None:
        """Raise UnknownSchemaError where a schema of `size` characters would be one too many."""
        if len(self._known) >= MAX_SCHEMAS or self._known_bytes + size > MAX_SCHEMAS_BYTES:
            raise UnknownSchemaError(
                f"this process has read {len(self._known)} schemas of the registry, {self._known_bytes} characters, "
                f"and does not read that with id {schema_id} too; restart it, and look for a producer that registers "
                "a schema for each message"
            )

    def probe(self) -> None:
        """Ask the registry for something, whatever it is.

        Raises:
            RegistryUnavailableError: what answers is no schema registry, or refuses us, or nothing answers.
        """
        answer = self._client.ask("/schemas/ids/1")
        if answer.status == HTTPStatus.NOT_FOUND and _error_code(answer.body) not in _NOT_FOUND:
            raise RegistryUnavailableError("the address answered 404, and not as a schema registry does")

    def _fetch(self, schema_id: int) -> tuple[Schema, int]:
        """Return the schema with an id, with the types of those it refers to, and the characters of all their JSON."""
        what = f"the schema with id {schema_id}"
        path, unknown = f"/schemas/ids/{schema_id}", f"the schema registry does not know the schema id {schema_id}"
        try:
            answer = self._ask(path, unknown)
        except UnknownSchemaError as error:
            self._note_missing(schema_id, str(error))
            raise
        if answer.get("schemaType") == "JSON":
            return JSON_SCHEMA, 0
        registered = _registered(answer, what)
        schema = registered.schema
        if not isinstance(schema, dict):
            raise UnknownSchemaError(f"{what} is {str(schema)[:100]!r}, not a record")
        if not registered.references:
            return schema, registered.size
        others, size = self._others(what, registered)
        try:
            return with_types_of(schema, others), size
        except Exception as error:  # the schemas may be wrong in any way
            raise UnknownSchemaError(f"{what} or one it refers to is no schema: {error!r}") from error

    def _others(self, what: str, referring: _Registered) -> tuple[list[Any], int]:
        """Return the schemas that one refers to, directly first, then through others; and the characters of all."""
        found: dict[_Reference, Any] = {}
        references, size = referring.references, referring.size
        deadline = time.monotonic() + MAX_FETCH_S
        for _ in range(MAX_REFERENCE_DEPTH):
            if len(found) + len(references) > MAX_REFERENCES:
                raise UnknownSchemaError(f"{what} refers to more than {MAX_REFERENCES} others")
            inner: list[_Reference] = []
            for reference in references:
                if time.monotonic() > deadline:
                    raise RegistryUnavailableError(f"the schema registry takes over {MAX_FETCH_S:g} s for {what}")
                registered = self._version(reference, what)
                size += registered.size
                if size > LIMITS.text_bytes:
                    raise UnknownSchemaError(
                        f"{what} has more than {LIMITS.text_bytes} characters with what it refers to"
                    )
                found[reference] = registered.schema
                inner += registered.references
            references = [reference for reference in dict.fromkeys(inner) if reference not in found]
            if not references:
                return list(found.values()), size
        raise UnknownSchemaError(f"{what} refers to others over more than {MAX_REFERENCE_DEPTH} steps")

    def _version(self, reference: _Reference, what: str) -> _Registered:
        registered = self._referenced.get(reference)
        if registered is None:
            subject = urllib.parse.quote(reference.subject, safe="")
            answer = self._ask(
                f"/subjects/{subject}/versions/{reference.version}",
                f"{what} needs {reference}, which the schema registry does not have",
            )
            registered = _registered(answer, str(reference))
            self._referenced_bytes += registered.size
            if len(self._referenced) >= MAX_SCHEMAS or self._referenced_bytes > MAX_REFERENCED_BYTES:
                self._referenced.clear()
                self._referenced_bytes = registered.size
            self._referenced[reference] = registered
        return registered

    def _ask(self, path: str, unknown: str) -> dict[str, Any]:
        """Return the registry's answer; `unknown` is the refusal where it has none."""
        status, body = self._client.ask(path)
        if status == HTTPStatus.NOT_FOUND:
            doubt = "" if _error_code(body) in _NOT_FOUND else "; it answered 404, and not as a schema registry does"
            raise UnknownSchemaError(unknown + doubt)
        try:
            return _json_object(body)
        except (ValueError, RecursionError, MemoryError) as error:
            raise RegistryUnavailableError(f"the schema registry's answer at {path} is none: {error}") from error


def open_registry(url: str | None) -> Registry:
    """Return the registry of a process: the shipped schemas, and a schema registry where one is configured.

    Args:
        url: `TOUCHLINE_SCHEMA_REGISTRY`; None without one.

    Raises:
        ValueError: the URL is not one of a schema registry.
    """
    files = FileRegistry()
    return files if url is None else ConfluentRegistry(url, files)


def _json_object(body: bytes) -> dict[str, Any]:
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("not a JSON object; is this a schema registry?")  # noqa: TRY004 - a bad body
    return answer


def _error_code(body: bytes) -> int | None:
    try:
        code = _json_object(body).get("error_code")
    except (ValueError, RecursionError, MemoryError):
        return None
    return code if isinstance(code, int) else None


def _registered(answer: dict[str, Any], what: str) -> _Registered:
    """Return the schema and references of the registry's answer about `what`."""
    if answer.get("schemaType", "AVRO") != "AVRO":
        raise UnknownSchemaError(f"{what} is {str(answer['schemaType'])[:100]}, neither Avro nor JSON")
    try:
        text = answer["schema"]
        if len(text) > LIMITS.text_bytes:
            raise UnknownSchemaError(f"{what} has more than {LIMITS.text_bytes} characters")
        schema = json.loads(text)
        references = [_Reference(str(one["subject"]), int(one["version"])) for one in answer.get("references") or ()]
    except (RecursionError, MemoryError) as error:
        raise UnknownSchemaError(f"{what} is nested too deep") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RegistryUnavailableError(f"the schema registry's answer for {what} holds no schema") from error
    check_json(schema, what)
    return _Registered(schema, list(dict.fromkeys(references)), len(text))
