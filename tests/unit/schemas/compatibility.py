"""Can a reader's schema read what a writer's schema wrote: Avro's rules of resolution, checked ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.avro.registry import current_schemas, schema_history

if TYPE_CHECKING:
    from schemas.avro.registry import Schema

_PROMOTIONS = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}
"""What the writer wrote, and what the reader may read it as."""


def unreadable_history() -> list[str]:
    """Return where a schema in force cannot read what an earlier version of it wrote.

    Empty while the schemas are BACKWARD_TRANSITIVE.
    """
    return [
        f"{name}, version {number}: {problem}"
        for name, current in sorted(current_schemas().items())
        for number, earlier in enumerate(schema_history(name), start=1)
        for problem in problems(current, earlier)
    ]


def problems(reader: Schema, writer: Schema) -> list[str]:
    """Return why `reader` cannot read all that `writer` may have written; empty if it can.

    Types are to be written out where they stand, as in our schemas: a reference to a named type
    counts as equal only to the same reference.
    """
    return _problems(reader["name"], reader, writer)


def _problems(where: str, reader: Any, writer: Any) -> list[str]:
    if isinstance(writer, list):
        return [one for branch in writer for one in _problems(where, reader, branch)]
    if isinstance(reader, list):
        if any(not _problems(where, branch, writer) for branch in reader):
            return []
        return [f"{where}: no branch reads {_name(writer)}"]
    ours, theirs = _name(reader), _name(writer)
    if ours != theirs:
        return [] if (theirs, ours) in _PROMOTIONS else [f"{where}: {theirs} became {ours}"]
    return _same_type_problems(where, ours, reader, writer)


def _same_type_problems(where: str, name: str, reader: Any, writer: Any) -> list[str]:
    if name == "array":
        return _problems(f"{where}[]", reader["items"], writer["items"])
    if name == "map":
        return _problems(f"{where}{{}}", reader["values"], writer["values"])
    if name in {"record", "enum", "fixed"}:
        return _named_type_problems(where, name, reader, writer)
    return []


def _named_type_problems(where: str, name: str, reader: Schema, writer: Schema) -> list[str]:
    if reader["name"].rpartition(".")[2] != writer["name"].rpartition(".")[2]:
        return [f"{where}: {writer['name']} became {reader['name']}"]
    if name == "record":
        return _field_problems(where, reader, writer)
    if name == "enum":
        gone = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
        return [f"{where}: lost the symbol {one}" for one in gone if "default" not in reader]
    return [] if reader["size"] == writer["size"] else [f"{where}: its size changed"]


def _field_problems(where: str, reader: Schema, writer: Schema) -> list[str]:
    written = {field["name"]: field["type"] for field in writer["fields"]}
    found = []
    for field in reader["fields"]:
        at = f"{where}.{field['name']}"
        names = [field["name"], *field.get("aliases", ())]
        held = next((written[name] for name in names if name in written), None)
        if held is not None:
            found += _problems(at, field["type"], held)
        elif "default" not in field:
            found.append(f"{at}: new, and has no default")
    return found


def _name(kind: Any) -> str:
    return str(kind["type"] if isinstance(kind, dict) else kind)
