"""Names of Avro's types: in which namespace one stands, and the walk over a schema that writes it with other ones."""

from __future__ import annotations

from typing import Any

NAMED = ("record", "error", "enum", "fixed")
"""The types that have names."""
HOLD_TYPES = ("type", "items", "values")
"""The attributes of a type that hold another."""


def full_name(name: str, namespace: str) -> str:
    """Return the full name of a type that is named so within a namespace."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def namespace_of(full: str) -> str:
    """Return the namespace of a full name; "" without one."""
    return full.rpartition(".")[0]


class SchemaWriter:
    """Writes a schema anew, type by type; who inherits says what becomes of a mention and of a definition."""

    def type(self, kind: Any, namespace: str) -> Any:
        """Return what becomes of a type that stands in a namespace."""
        if isinstance(kind, str):
            return self.mentioned(kind, namespace)
        if isinstance(kind, list):
            return [self.type(branch, namespace) for branch in kind]
        if not isinstance(kind, dict):
            return kind
        if kind.get("type") in NAMED:
            return self.named(kind, namespace)
        return {key: self.type(value, namespace) if key in HOLD_TYPES else value for key, value in kind.items()}

    def mentioned(self, name: str, namespace: str) -> Any:
        """Return what becomes of the mention of a type by its name."""
        raise NotImplementedError

    def named(self, kind: dict[str, Any], namespace: str) -> Any:
        """Return what becomes of the definition of a type that has a name."""
        raise NotImplementedError
