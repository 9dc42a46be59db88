"""Aliases in a writer's schema: what it calls otherwise than we do, and says so, is read under our name."""

from __future__ import annotations

from typing import Any

from schemas.avro.names import HOLD_TYPES, NAMED, SchemaWriter, full_name, namespace_of


def with_our_names(writer: dict[str, Any], reader: dict[str, Any]) -> dict[str, Any]:
    """Return a writer's schema whose types and fields bear the reader's names where their aliases state these.

    Avro resolves the reader's aliases alone. A writer's would be lost without a word: a field of another name is one
    that the reader does not have. A type or field whose own name the reader has keeps it. Names of types are compared
    without their namespace.

    Args:
        writer: of a record, as in its JSON, within the limits.
        reader: of a record, as in its JSON.
    """
    renamed: dict[str, Any] = _Renamer(_names_in(reader)).type(writer, "")
    return renamed


def bears(schema: dict[str, Any], name: str) -> bool:
    """Return whether a named type has a name, its own or an alias, whatever the namespace."""
    return name == _bare(schema.get("name")) or name in map(_bare, _aliases(schema))


def _names_in(kind: Any) -> dict[str, set[str]]:
    """Return the bare names of the types in a schema, each with those of its fields."""
    names: dict[str, set[str]] = {}
    if isinstance(kind, list):
        for branch in kind:
            names |= _names_in(branch)
    elif isinstance(kind, dict):
        fields = kind.get("fields", ())
        if kind.get("type") in NAMED:
            names[_bare(kind["name"])] = {field["name"] for field in fields}
        for inner in (*(field["type"] for field in fields), *(kind.get(key) for key in HOLD_TYPES)):
            names |= _names_in(inner)
    return names


class _Renamer(SchemaWriter):
    """Writes a schema anew, with the reader's names.

    Args:
        ours: the reader's types, each with its fields.
    """

    def __init__(self, ours: dict[str, set[str]]) -> None:
        self._ours = ours
        self._renamed: dict[str, str] = {}
        """The new full name of a type by its old one."""

    def mentioned(self, name: str, namespace: str) -> Any:
        """Return the new name, where the type has one."""
        return self._renamed.get(full_name(name, namespace), name)

    def named(self, kind: dict[str, Any], namespace: str) -> Any:
        """Return the definition with our names."""
        full = full_name(str(kind.get("name")), str(kind.get("namespace", namespace)))
        inner = namespace_of(full)
        name = _our_name(_bare(full), kind, self._ours.keys())
        if name != _bare(full):
            self._renamed[full] = full_name(name, inner)
        written = {**kind, "name": full_name(name, inner)}
        if isinstance(fields := kind.get("fields"), list):
            written["fields"] = self._fields(fields, self._ours.get(name, set()), inner)
        return written

    def _fields(self, fields: list[Any], ours: set[str], namespace: str) -> list[Any]:
        free = ours - {field["name"] for field in fields}
        written = []
        for field in fields:
            name = field["name"] if field["name"] in ours else _our_name(field["name"], field, free)
            free.discard(name)
            written.append({**field, "name": name, "type": self.type(field["type"], namespace)})
        return written


def _our_name(own: str, named: dict[str, Any], ours: Any) -> str:
    """Return the name of ours that a type or field bears: its own one, or the first of its aliases that is one."""
    if own in ours:
        return own
    return next((alias for alias in map(_bare, _aliases(named)) if alias in ours), own)


def _aliases(named: dict[str, Any]) -> list[Any]:
    aliases = named.get("aliases")
    return aliases if isinstance(aliases, list) else []


def _bare(name: object) -> str:
    return str(name).rpartition(".")[2]
