"""Writes a decoder in plain Python for a writer's and a reader's schema; faster than fastavro.

The function reads the bytes of one record in a straight line: everything that the schemas fix is
decided when it is written (docs/adr/0011-generated-avro-decoder.md). It handles the types that our
schemas are made of; for others `compile_decoder` raises `UnsupportedSchemaError`, and fastavro decodes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from schemas.avro.varint import count_at, int_at, long_at, size_at
from schemas.errors import TouchlineError
from schemas.limits import MESSAGE_VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.avro.registry import Schema

    Decode = Callable[[bytes, int], dict[str, Any]]

TOO_MANY = f"its lists and maps hold more than {MESSAGE_VALUES:,} values"
_SHAPE_KEYS = ("type", "name", "fields", "symbols", "items", "values", "size", "aliases")
_PLAIN_DEFAULTS = (str, bool, int, float, type(None))


class UnsupportedSchemaError(TouchlineError):
    """The schemas hold something that only fastavro handles; the message names it."""


def compile_decoder(writer: Schema, reader: Schema) -> Decode:
    """Return a function that decodes what `writer` wrote into a record of `reader`.

    Both are schemas as `fastavro.parse_schema` gives them. Times stay epoch milliseconds. The
    function takes the message and the position of its body, which must reach to the end.

    Its errors, all the data's fault: IndexError and struct.error (it ends early), ValueError (a
    number without end, a negative length, bytes left over, too many values), KeyError (no such symbol or branch),
    UnicodeDecodeError.

    Raises:
        UnsupportedSchemaError: the pair needs more than this generator knows.
    """
    source = _Source()
    source.add(f"left = {MESSAGE_VALUES}")
    wanted = {field["name"]: field for field in reader["fields"]}
    held: dict[str, str] = {}
    for field in writer["fields"]:
        name = source.variable()
        source.value(field["type"], name)
        if (ours := wanted.get(field["name"])) is not None:
            if _shape(ours["type"]) != _shape(field["type"]):
                raise UnsupportedSchemaError(f"{field['name']} has another type")
            held[field["name"]] = name
    source.add("if p != len(data):")
    source.add("    raise ValueError(f'it is {len(data)} bytes long, its fields take {p}')")
    pairs = (f"{name!r}: {held[name] if name in held else _default(field)}" for name, field in wanted.items())
    source.add(f"return {{{', '.join(pairs)}}}")
    return source.compile(f"<decoder of {writer['name']}>")


def _shape(kind: Any) -> Any:
    """Return the parts of a type that decide how its bytes are read."""
    if isinstance(kind, list):
        return [_shape(branch) for branch in kind]
    if not isinstance(kind, dict):
        return kind
    if set(kind) <= {"type", "logicalType"}:
        return kind["type"]
    return {key: _shape(kind[key]) for key in _SHAPE_KEYS if key in kind}


def _default(field: dict[str, Any]) -> str:
    """Return the Python literal of the default of a field that the writer does not have."""
    if "aliases" in field or "default" not in field:
        raise UnsupportedSchemaError(f"{field['name']} has aliases or no default")
    default = field["default"]
    if field["type"] in ("float", "double"):
        return repr(float(default))
    if isinstance(default, _PLAIN_DEFAULTS) or default in ({}, []):
        return repr(default)
    raise UnsupportedSchemaError(f"the default of {field['name']} is not a plain value")


def _weight(kind: Any) -> int:
    """Return how many values one of a type is at most, without those of the lists in it: these count themselves."""
    if isinstance(kind, list):
        return max(map(_weight, kind), default=1)
    if isinstance(kind, dict) and kind["type"] == "record":
        return 1 + sum(_weight(field["type"]) for field in kind["fields"])
    return 1


class _Source:
    """A decoder while it is written.

    In it, `data` are the bytes, `p` the position, and `left` how many values lists and maps may yet hold.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._indent = 1
        self._variables = 0
        self._enums: dict[str, str] = {}
        self._names: dict[str, Any] = {
            "int_at": int_at,
            "long_at": long_at,
            "size_at": size_at,
            "count_at": count_at,
            "float_at": struct.Struct("<f").unpack_from,
            "double_at": struct.Struct("<d").unpack_from,
        }
        self._primitives: dict[str, Callable[[str], None]] = {
            "null": lambda target: self.add(f"{target} = None"),
            "boolean": self._boolean,
            "int": lambda target: self._number(target, "int_at"),
            "long": lambda target: self._number(target, "long_at"),
            "float": lambda target: self.add(f"{target} = float_at(data, p)[0]; p += 4"),
            "double": lambda target: self.add(f"{target} = double_at(data, p)[0]; p += 8"),
            "string": self._string,
        }

    def variable(self) -> str:
        """Return a name not yet used. Fields' names never become code: a schema may come from a registry."""
        self._variables += 1
        return f"v{self._variables}"

    def add(self, line: str) -> None:
        self._lines.append("    " * self._indent + line)

    def compile(self, filename: str) -> Decode:
        try:
            code = compile("def decode(data, p):\n" + "\n".join(self._lines), filename, "exec")
        except SyntaxError as error:  # Python's own limits: 20 loops within one another, 100 steps to the right
            raise UnsupportedSchemaError(f"the schema is nested too deep: {error.msg}") from error
        exec(code, self._names)  # noqa: S102 - the code above is made of our own lines and literals alone
        decode: Decode = self._names["decode"]
        return decode

    def value(self, kind: Any, target: str) -> None:
        """Write the lines that read a value of a type into a variable."""
        if isinstance(kind, list):
            self._union(kind, target)
            return
        name = kind["type"] if isinstance(kind, dict) else kind
        if (write := self._primitives.get(name)) is not None:
            write(target)
        elif name in self._enums:
            self._enum(self._enums[name], target)
        elif name == "enum":
            self._enum(self._symbols(kind), target)
        elif name == "map":
            self._map(kind["values"], target)
        elif name == "array":
            self._array(kind["items"], target)
        elif name == "record":
            self._record(kind, target)
        else:
            raise UnsupportedSchemaError(f"{name} is not a type of our schemas")

    def _number(self, target: str, read: str) -> None:
        self.add("n = data[p]")
        self.add(f"if n > 127: {target}, p = {read}(data, p)")
        self.add(f"else: {target} = (n >> 1) ^ -(n & 1); p += 1")

    def _string(self, target: str) -> None:
        # A length takes one byte, unless it is large or (wrongly) negative: both have a bit of 0x81.
        # A slice may end early; then `p` lies beyond the data, and the next look at it finds out.
        self.add("n = data[p]")
        self.add("if n & 0x81: n, p = size_at(data, p); n += p")
        self.add("else: p += 1; n = p + (n >> 1)")
        self.add(f"{target} = data[p:n].decode(); p = n")

    def _boolean(self, target: str) -> None:
        self.add("n = data[p]; p += 1")
        self.add("if n > 1: raise ValueError(f'a boolean is {n}')")
        self.add(f"{target} = n == 1")

    def _symbols(self, kind: dict[str, Any]) -> str:
        symbols = self.variable()
        # A dictionary, so that a wrong index is told apart from data that end early.
        self._names[symbols] = dict(enumerate(kind["symbols"]))
        self._enums[kind["name"]] = symbols
        return symbols

    def _enum(self, symbols: str, target: str) -> None:
        self.add("n = data[p]")
        self.add("if n & 0x81: n, p = size_at(data, p)")
        self.add("else: n >>= 1; p += 1")
        self.add(f"{target} = {symbols}[n]")

    def _union(self, branches: list[Any], target: str) -> None:
        self.add("u = data[p]; p += 1")
        for i, branch in enumerate(branches):
            self.add(f"{'elif' if i else 'if'} u == {2 * i}:")
            self._indent += 1
            self.value(branch, target)
            self._indent -= 1
        self.add("else: raise KeyError(u)")

    def _blocks(self, item: Callable[[], None], kind: Any) -> None:
        """Blocks of items of a type, each after its count, until a count of 0."""
        count = self.variable()
        self.add(f"{count} = data[p]; p += 1")
        self.add(f"while {count}:")
        self._indent += 1
        self.add(f"if {count} & 0x81: {count}, p = count_at(data, p - 1)")
        self.add(f"else: {count} >>= 1")
        self.add(f"left -= {count} * {_weight(kind)}")
        self.add(f"if left < 0: raise ValueError({TOO_MANY!r})")
        self.add(f"for _ in range({count}):")
        self._indent += 1
        item()
        self._indent -= 1
        self.add(f"{count} = data[p]; p += 1")
        self._indent -= 1

    def _map(self, values: Any, target: str) -> None:
        key, value = self.variable(), self.variable()

        def item() -> None:
            self._string(key)
            self.value(values, value)
            self.add(f"{target}[{key}] = {value}")

        self.add(f"{target} = {{}}")
        self._blocks(item, values)

    def _array(self, items: Any, target: str) -> None:
        if items == "null" or (isinstance(items, dict) and items.get("fields") == []):
            raise UnsupportedSchemaError("items without bytes: their count would be the only bound")
        value = self.variable()

        def item() -> None:
            self.value(items, value)
            self.add(f"{target}.append({value})")

        self.add(f"{target} = []")
        self._blocks(item, items)

    def _record(self, kind: dict[str, Any], target: str) -> None:
        variables = [self.variable() for _ in kind["fields"]]
        for field, variable in zip(kind["fields"], variables, strict=True):
            self.value(field["type"], variable)
        pairs = (f"{field['name']!r}: {variable}" for field, variable in zip(kind["fields"], variables, strict=True))
        self.add(f"{target} = {{{', '.join(pairs)}}}")
