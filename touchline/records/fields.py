"""What a record's fields may hold, as producers have to know it: made of the schemas and of the kinds' rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.avro.registry import current_schemas
from schemas.kinds import KINDS
from schemas.kinds.checks import PLAN, Bounds
from schemas.kinds.kind import TouchpointKind
from schemas.limits import ENTRIES, MAPS, characters_of
from streams.intake.checks import COMMON_BOUNDS
from touchline.records.examples import TIMESTAMP

REQUIRED = object()
"""The default of a field that has none."""
_BITS = {"int": 31, "long": 63}
_DECLARED = ("minimum", "maximum")


@dataclass(frozen=True)
class Field:
    """A field of a record.

    Attributes:
        name: as the schema names it.
        path: from the record, such as `items[].sku`; of a field of the record itself its name.
        kind: `string`, `boolean`, `int`, `long`, `double`, `timestamp-millis`, `enum`, `map` or `array`.
        nullable: whether it may be null.
        unit: of a number; "" of everything else.
        bounds: what its value has to hold, by keywords of JSON Schema; those of a time are epoch ms.
        default: in force where it is left out, or `REQUIRED`.
        example: of a value; times are epoch ms.
        meaning: what it says, in a sentence.
        inner: the fields of a list's entries.
    """

    name: str
    path: str
    kind: str
    nullable: bool
    unit: str
    bounds: Mapping[str, Any]
    default: Any
    example: Any
    meaning: str
    inner: tuple[Field, ...] = field(default=())

    @property
    def is_required(self) -> bool:
        """Whether it may not be left out."""
        return self.default is REQUIRED


def fields_of(record: str) -> tuple[Field, ...]:
    """Return the fields of a record in force, of an input or a signal, in the schema's order."""
    kind = next((kind for kind in KINDS.values() if kind.record == record), None)
    schema = current_schemas()[record]
    if kind is None:
        return tuple(_field(declared, "", {}, declared["example"], is_input=False) for declared in schema["fields"])
    asked = bounds_of(kind.name)
    return tuple(_field(declared, "", asked, declared["example"], is_input=True) for declared in schema["fields"])


def every(fields: tuple[Field, ...]) -> Iterator[Field]:
    """Yield fields, each followed by those in it."""
    for one in fields:
        yield one
        yield from every(one.inner)


def bounds_of(kind: str) -> Bounds:
    """Return what the checks of a kind ask of its fields, by path."""
    declared = KINDS[kind]
    found: dict[str, dict[str, object]] = {}
    computed = declared.bounds if isinstance(declared, TouchpointKind) else {}
    for bounds in (COMMON_BOUNDS, computed, *(rule.bounds for rule in declared.checks)):
        for path, keywords in bounds.items():
            found.setdefault(path, {}).update(keywords)
    return found


def _field(declared: Mapping[str, Any], within: str, asked: Bounds, example: Any, *, is_input: bool) -> Field:
    name = declared["name"]
    path = within + name
    branches = declared["type"] if isinstance(declared["type"], list) else [declared["type"]]
    (avro,) = (branch for branch in branches if branch != "null")
    kind = avro if isinstance(avro, str) else avro.get("logicalType", avro["type"])
    own = {keyword: declared[keyword] for keyword in _DECLARED if keyword in declared}
    inner = avro["items"]["fields"] if kind == "array" else ()
    return Field(
        name=name,
        path=path,
        kind=kind,
        nullable="null" in branches,
        unit="ms since 1970" if kind == TIMESTAMP else declared.get("unit", ""),
        bounds=_narrowed(_bounds_of_type(name, avro, kind, is_input=is_input), {**own, **asked.get(path, {})}),
        default=declared.get("default", REQUIRED),
        example=example,
        meaning=declared["doc"],
        inner=tuple(
            _field(entry, f"{path}[].", asked, example[0][entry["name"]], is_input=is_input) for entry in inner
        ),
    )


def _bounds_of_type(name: str, avro: Any, kind: str, *, is_input: bool) -> dict[str, Any]:
    """Return what a value has to hold for its type, and of an input for the limits of what a message may hold."""
    bounds: dict[str, Any] = {}
    match kind:
        case "int" | "long":
            limit = 1 << _BITS[kind]
            bounds = {"minimum": -limit, "maximum": limit - 1}
        case "timestamp-millis":
            bounds = dict(PLAN)
        case "enum":
            bounds = {"enum": avro["symbols"]}
        case "string" if is_input and (most := characters_of(name)) is not None:
            bounds = {"maxLength": most}
        case "map":
            limits = MAPS[name]
            bounds = {
                "maxProperties": limits.entries,
                "propertyNames": {"maxLength": limits.name},
                "additionalProperties": {"type": "string", "maxLength": limits.value},
            }
        case "array":
            bounds = {"maxItems": ENTRIES[name]}
    return bounds


def _narrowed(bounds: dict[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return bounds with those asked for beside the type's; of two of one keyword the closer one."""
    closer = {"minimum": max, "maximum": min, "maxLength": min}
    return bounds | {
        keyword: closer[keyword](bounds[keyword], value) if keyword in bounds and keyword in closer else value
        for keyword, value in asked.items()
    }
