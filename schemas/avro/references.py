"""Schema references: the types that live in other schemas are put where a schema first mentions them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from schemas.avro.names import HOLD_TYPES, NAMED, SchemaWriter, full_name, namespace_of

_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_NO_NAMESPACE = "_"
"""Where types without a namespace are put: fastavro cannot mention them from within a namespace."""


def with_types_of(schema: dict[str, Any], others: Iterable[Any]) -> dict[str, Any]:
    """Return a schema that needs no other: each type of the others is defined where it is first mentioned.

    Args:
        schema: of a record, enum or fixed, as in its JSON.
        others: schemas whose named types it may mention. Of two types of one name, the first holds.

    Raises:
        KeyError, TypeError, AttributeError, RecursionError: one of them is no schema.
    """
    types: dict[str, tuple[Any, str]] = {}
    for other in others:
        for name, definition, namespace in _definitions(other, ""):
            types.setdefault(name, (definition, namespace))
    defined: dict[str, Any] = _Definer(types).type(schema, "")
    return defined


def _definitions(kind: Any, namespace: str) -> Iterator[tuple[str, Any, str]]:
    """Yield the full name of each named type in a schema, its definition, and the namespace that this stands in."""
    if isinstance(kind, list):
        for branch in kind:
            yield from _definitions(branch, namespace)
    elif isinstance(kind, dict):
        if kind.get("type") in NAMED:
            name = full_name(kind["name"], kind.get("namespace", namespace))
            yield name, kind, namespace
            namespace = namespace_of(name)
        for inner in [*(field["type"] for field in kind.get("fields", ())), *(kind.get(key) for key in HOLD_TYPES)]:
            yield from _definitions(inner, namespace)


class _Definer(SchemaWriter):
    """Writes a schema anew; a type is defined once, at its first mention, as Avro demands."""

    def __init__(self, types: dict[str, tuple[Any, str]]) -> None:
        self._types = types
        self._defined: set[str] = set()

    def mentioned(self, name: str, namespace: str) -> Any:
        """Return the type that a name mentions, defined where this is the first mention."""
        if name in _PRIMITIVES:
            return name
        # As in Java's Avro: a name that its namespace does not have is one without namespace.
        for full in (full_name(name, namespace), name):
            if full in self._defined:
                return _written(full)
            if full in self._types:
                return self.type(*self._types[full])
        return name

    def named(self, kind: dict[str, Any], namespace: str) -> Any:
        """Return the definition at its first mention, later its name."""
        full = full_name(kind["name"], kind.get("namespace", namespace))
        if full in self._defined:
            return _written(full)
        self._defined.add(full)
        inner = namespace_of(full)
        written = {**kind, "name": _written(full), "namespace": namespace_of(_written(full))}
        if "fields" in kind:
            written["fields"] = [{**field, "type": self.type(field["type"], inner)} for field in kind["fields"]]
        return written


def _written(full_name: str) -> str:
    return full_name if "." in full_name else f"{_NO_NAMESPACE}.{full_name}"
