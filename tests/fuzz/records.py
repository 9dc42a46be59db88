"""Random records of a schema, and Avro that says what it likes about them."""

from __future__ import annotations

import random
import struct
from typing import Any

from schemas.avro.registry import Schema
from tests.fuzz.values import copied, double, number, text

NOW = 1_781_003_600_000
"""An hour after the time of the schemas' examples, ms."""
ANY: Any = object()
"""In the place of a value: any that fits."""
_FEW_IDS = 3
_MAX_ITEMS = 2_000
"""Items of lists in one message: in lists of lists they would be without number."""
_EXAMPLE = 0.5


def record_of(schema: Schema, rng: random.Random, odd: float) -> dict[str, Any]:
    """Return a record that fits a schema.

    Args:
        schema: in force; its fields have examples.
        rng: decides.
        odd: the chance of a field to hold any value of its type; else it holds one that a service would send.
    """
    return {field["name"]: _field(field, rng, odd) for field in schema["fields"]}


def _field(field: dict[str, Any], rng: random.Random, odd: float) -> Any:
    if rng.random() < odd:
        return value_of(field["type"], rng)
    if "default" in field and rng.random() > _EXAMPLE:
        return copied(field["default"])
    # Few ids, so that touchpoints meet.
    if field["name"].endswith("_id") and field["name"] != "event_id":
        return f"{field['name']}-{rng.randrange(_FEW_IDS)}"
    if isinstance(field["type"], dict) and field["type"]["type"] == "enum":
        return rng.choice(field["type"]["symbols"])
    # Its own: targets change what they are given.
    return copied(field.get("example", field.get("default")))


def value_of(kind: Any, rng: random.Random) -> Any:
    """Return a value of an Avro type of ours."""
    if isinstance(kind, str):
        return _PRIMITIVES[kind](rng)
    if isinstance(kind, list):
        return value_of(rng.choice(kind), rng)
    found: Any
    match kind["type"]:
        case "enum":
            found = rng.choice(kind["symbols"])
        case "map":
            found = {text(rng): value_of(kind["values"], rng) for _ in range(_count(rng))}
        case "array":
            found = [value_of(kind["items"], rng) for _ in range(_count(rng))]
        case "record":
            found = {field["name"]: value_of(field["type"], rng) for field in kind["fields"]}
        case inner:
            found = value_of(inner, rng)
    return found


def _count(rng: random.Random) -> int:
    return rng.choice((0, 0, 1, 2, 5, 30)) if rng.random() < 0.98 else rng.choice((100, 257, 2_001))


_PRIMITIVES: dict[str, Any] = {
    "null": lambda _: None,
    "boolean": lambda rng: rng.random() < 0.5,
    "int": lambda rng: max(-(2**31), min(number(rng), 2**31 - 1)),
    "long": number,
    "float": double,
    "double": double,
    "string": text,
    "bytes": lambda rng: rng.randbytes(rng.randrange(20)),
}


def varint(value: int) -> bytes:
    """Return a number of any size as Avro writes it."""
    rest = value << 1 if value >= 0 else (-value << 1) - 1
    found = bytearray()
    while rest > 127:
        found.append(rest & 127 | 128)
        rest >>= 7
    found.append(rest)
    return bytes(found)


_HELD: dict[str, Any] = {
    "null": object,
    "boolean": object,
    "int": int,
    "long": int,
    "float": int | float,
    "double": int | float,
    "string": str,
    "bytes": bytes,
}
"""By primitive type: what a value of it is in Python; another is of another version of the schema."""


class LooseWriter:
    """Writes values as Avro, and now and then a length, a count, an index or a text that is wrong.

    Args:
        rng: decides.
        lies: the chance of each number and text to be wrong.
    """

    def __init__(self, rng: random.Random, lies: float) -> None:
        self._rng = rng
        self._lies = lies
        self._named: dict[str, Any] = {}
        self._left = _MAX_ITEMS

    def write(self, kind: Any, value: Any = ANY, depth: int = 0) -> bytes:
        """Return the bytes of a value; of any where there is none, or none that fits."""
        if isinstance(kind, list):
            return self._union(kind, value, depth)
        if isinstance(kind, dict):
            return self._defined(kind, value, depth)
        if kind in _PRIMITIVES:
            return self._primitive(kind, value)
        named = self._named.get(kind)
        return b"" if named is None or depth > 40 else self.write(named, value, depth + 1)

    def _union(self, kind: list[Any], value: Any, depth: int) -> bytes:
        if not kind:
            return b""
        branches = [at for at, branch in enumerate(kind) if value is not ANY and (branch == "null") == (value is None)]
        at = branches[0] if branches else self._rng.randrange(len(kind))
        return self._number(at) + self.write(kind[at], value if branches else ANY, depth + 1)

    def _defined(self, kind: dict[str, Any], value: Any, depth: int) -> bytes:
        name = kind.get("type")
        if isinstance(kind.get("name"), str):
            self._named[kind["name"]] = kind
        if name == "record":
            fields = [field for field in kind.get("fields") or () if isinstance(field, dict)]
            values = value if isinstance(value, dict) else {}
            return b"".join(self.write(f.get("type"), values.get(f.get("name"), ANY), depth + 1) for f in fields)
        if name == "enum":
            symbols = kind.get("symbols")
            found = symbols if isinstance(symbols, list) else []
            return self._number(found.index(value) if value in found else self._rng.randrange(len(found) + 1))
        if name == "fixed":
            size = kind.get("size")
            return self._rng.randbytes(min(100, max(0, size)) if isinstance(size, int) else 0)
        if name in ("array", "map"):
            return self._blocks(kind, value, depth)
        return self.write(name, value, depth + 1)

    def _blocks(self, kind: dict[str, Any], value: Any, depth: int) -> bytes:
        if kind["type"] == "map":
            entries = value.items() if isinstance(value, dict) else [(text(self._rng), ANY)] * self._few()
            items = [self._text(key) + self.write(kind.get("values"), one, depth + 1) for key, one in entries]
        else:
            listed = value if isinstance(value, list) else [ANY] * self._few()
            items = [self.write(kind.get("items"), one, depth + 1) for one in listed]
        if not items:
            return self._number(0)
        body, count = b"".join(items), len(items)
        if self._rng.random() < 0.2:  # a block that says how many bytes it has
            return self._number(-count) + self._number(len(body)) + body + self._number(0)
        return self._number(count) + body + self._number(0)

    def _few(self) -> int:
        few = min(self._left, self._rng.choice((0, 1, 3)) if self._rng.random() < 0.98 else 200)
        self._left -= few
        return few

    def _primitive(self, kind: str, value: Any) -> bytes:
        if value is ANY or not isinstance(value, _HELD[kind]):
            value = _PRIMITIVES[kind](self._rng)
        if kind == "null":
            return b""
        if kind == "boolean":
            return bytes([bool(value) if self._rng.random() > self._lies else self._rng.randrange(256)])
        if kind in ("int", "long"):
            return self._number(value)
        if kind in ("float", "double"):
            return struct.pack("<d", value)[: 4 if kind == "float" else 8]
        return self._text(value)

    def _text(self, value: str | bytes) -> bytes:
        data = value.encode() if isinstance(value, str) else value
        if self._rng.random() < self._lies:
            data = self._rng.choice((b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", data[:-1], data + b"\xe2\x80"))
        return self._number(len(data)) + data

    def _number(self, value: int) -> bytes:
        if self._rng.random() >= self._lies:
            return varint(value)
        lie = self._rng.choice((value + 1, value - 1, -value, number(self._rng), 2**70, 50_000_000))
        return self._rng.choice((varint(lie), b"\x80" * 12, varint(value)[:-1] + b"\x80\x00"))
