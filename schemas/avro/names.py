"""Names of Avro's types: in which namespace one stands, and which full name it has there."""

from __future__ import annotations

NAMED = ("record", "error", "enum", "fixed")
"""The types that have names."""


def full_name(name: str, namespace: str) -> str:
    """Return the full name of a type that is named so within a namespace."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def namespace_of(full: str) -> str:
    """Return the namespace of a full name; "" without one."""
    return full.rpartition(".")[0]
