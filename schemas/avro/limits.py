"""Bounds on writers' schemas, which strangers make: checked before fastavro or our decoder see a schema.

Nothing here makes more of a schema than it is: a named type is measured once, however often it is mentioned.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.avro.names import NAMED, full_name, namespace_of
from schemas.errors import UnknownSchemaError


class Limits(NamedTuple):
    """How much a writer's schema may hold; docs/contract.md says the same.

    Attributes:
        text_bytes: of its JSON, with that of all schemas it refers to.
        json_depth: lists and objects within one another in its JSON.
        json_nodes: values in its JSON.
        depth: types within one another.
        fields: of one record.
        branches: of one union. The decoder reads a branch's index from one byte, which holds 64.
        symbols: of one enum.
        types: in it, where each mention of a type counts as much as its definition.
        values_a_byte: that a list's item may make of each byte of a message.
    """

    text_bytes: int = 1 << 20
    json_depth: int = 128
    json_nodes: int = 50_000
    depth: int = 32
    fields: int = 1_000
    branches: int = 64
    symbols: int = 5_000
    types: int = 5_000
    values_a_byte: int = 4


LIMITS = Limits()

_LEAST_BYTES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
"""By primitive type: the least bytes that a value takes."""


def check_json(found: Any, what: str) -> None:
    """Refuse a schema's JSON that is nested too deep, or holds too much, for what walks through it.

    Args:
        found: as `json.loads` gives it.
        what: the schema, for the error's message.

    Raises:
        UnknownSchemaError: it is beyond the limits.
    """
    level, count = [found], 1
    for _ in range(LIMITS.json_depth + 1):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
        if not inner:
            return
        level = inner
        count += len(inner)
        if count > LIMITS.json_nodes:
            raise UnknownSchemaError(f"{what} holds more than {LIMITS.json_nodes} values in its JSON")
    raise UnknownSchemaError(f"{what} is nested too deep: over more than {LIMITS.json_depth} levels of its JSON")


def check_types(schema: Any, what: str) -> int:
    """Return how many types a schema holds; refuse it if they are too many or too deep, or give a lot for few bytes.

    What is no schema passes: whoever parses it says why.

    Args:
        schema: a type, within `check_json`.
        what: the schema, for the error's message.

    Returns:
        The number of its types, each mention of one counted like its definition.

    Raises:
        UnknownSchemaError: it is beyond the limits, or a type in it contains itself.
    """
    return _Measure(what).type(schema, "", 1).types


class _Extent(NamedTuple):
    """What a type holds.

    Attributes:
        types: how many, each mention of one counted like its definition.
        depth: how many within one another.
        surplus: the most by which the values that a message makes of it exceed the values that its bytes
            allow: at least 1 for what takes no bytes.
    """

    types: int
    depth: int
    surplus: int


class _Measure:
    """Measures the types of one schema."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._named: dict[str, _Extent | None] = {}
        """By full name; None while the definition is being measured."""

    def type(self, kind: Any, namespace: str, depth: int) -> _Extent:
        """Return the extent of a type that stands in a namespace, at a depth."""
        if isinstance(kind, str):
            extent = self._mentioned(kind, namespace)
        elif isinstance(kind, list):
            self._bound("branches", "a union", len(kind), LIMITS.branches)
            branches = [self.type(branch, namespace, depth + 1) for branch in kind]
            most = max((branch.surplus for branch in branches), default=0)
            extent = _around(branches, most - LIMITS.values_a_byte)
        elif isinstance(kind, dict):
            extent = self._defined(kind, namespace, depth)
        else:
            extent = _one(1)
        self._bound("types", "it", extent.types, LIMITS.types)
        if depth + extent.depth > LIMITS.depth + 1:
            raise UnknownSchemaError(f"{self._what} nests its types over more than {LIMITS.depth} levels")
        return extent

    def _mentioned(self, name: str, namespace: str) -> _Extent:
        if name in _LEAST_BYTES:
            return _one(_LEAST_BYTES[name])
        for full in (full_name(name, namespace), name):
            if full in self._named:
                extent = self._named[full]
                if extent is None:
                    raise UnknownSchemaError(f"in {self._what}, {full} contains itself; such schemas are not read")
                return extent
        return _one(1)

    def _defined(self, kind: dict[str, Any], namespace: str, depth: int) -> _Extent:
        name = kind.get("type")
        if name in ("array", "map"):
            item = self.type(kind.get("items" if name == "array" else "values"), namespace, depth + 1)
            key = 1 - LIMITS.values_a_byte if name == "map" else 0
            if item.surplus + key > 0:
                raise UnknownSchemaError(
                    f"{self._what} has lists whose items make more than {LIMITS.values_a_byte} values of a byte: "
                    "a short message could state any number of them; such schemas are not read"
                )
            return _around([item], 1 - LIMITS.values_a_byte)
        if name not in NAMED:
            return self.type(name, namespace, depth)
        full = full_name(str(kind.get("name")), str(kind.get("namespace", namespace)))
        self._named[full] = None
        extent = self._named[full] = self._named_type(kind, namespace_of(full), depth)
        return extent

    def _named_type(self, kind: dict[str, Any], namespace: str, depth: int) -> _Extent:
        if kind["type"] == "enum":
            self._bound("symbols", "an enum", _length(kind.get("symbols")), LIMITS.symbols)
            return _one(1)
        if kind["type"] == "fixed":
            size = kind.get("size")
            return _one(size if isinstance(size, int) and size > 0 else 0)
        fields = kind.get("fields")
        self._bound("fields", "a record", _length(fields), LIMITS.fields)
        inner = [
            self.type(field.get("type"), namespace, depth + 1)
            for field in (fields if isinstance(fields, list) else ())
            if isinstance(field, dict)
        ]
        return _around(inner, 1 + sum(field.surplus for field in inner))

    def _bound(self, what: str, whose: str, found: int, most: int) -> None:
        if found > most:
            raise UnknownSchemaError(f"{self._what} is not read: {whose} has more than {most} {what}")


def _one(least_bytes: int) -> _Extent:
    """Return the extent of a type without others in it, whose values take at least so many bytes."""
    return _Extent(1, 1, 1 - LIMITS.values_a_byte * least_bytes)


def _around(inner: list[_Extent], surplus: int) -> _Extent:
    return _Extent(1 + sum(one.types for one in inner), 1 + max((one.depth for one in inner), default=0), surplus)


def _length(found: Any) -> int:
    return len(found) if isinstance(found, list) else 0
