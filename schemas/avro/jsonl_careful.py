"""The careful reader of JSON lines: it reads field by field and says what is wrong, where, and what is allowed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.avro.json_bounds import UNCHECKED_BYTES, excess
from schemas.avro.registry import Schema
from schemas.errors import TouchlineError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Parse = Callable[[str, object], object]
    """Turns a JSON value into the record's; takes the field's name for its errors."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_INTEGERS = {"int": 31, "long": 63}
_SHOWN = 40
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_SURROGATE = re.compile(r"(unexpected end of escaped|invalid) utf-16 surrogate pair \(byte ([0-9]+)\)")
"""What msgspec says of half a surrogate pair, but at the end of a text; the byte is behind the escape that is wrong."""
_FIRST_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")
_SECOND_HALF = re.compile(rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_ESCAPE_BYTES = 6
_LONGEST_LEAP = 100
"""Characters of a time in which a second 60 is looked for."""
_LEAP_SECOND = re.compile(r"(?P<minute>.*[Tt ]\d\d:\d\d):60(?P<rest>(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))")


class BadLineError(TouchlineError):
    """A line that cannot be read as a touchpoint.

    Attributes:
        reason: which field is wrong, what was found there and what is allowed.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MissingFieldError(BadLineError):
    """A line that lacks fields which have no default."""


class CarefulReader:
    """Reads lines field by field and names the field that is wrong; a third as fast as `jsonl_fast.FastReader`.

    Args:
        schemas: by kind.
    """

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._parsers = {kind: _record_parser(schema) for kind, schema in schemas.items()}

    def read(self, line: str | bytes, what: str = "the line") -> tuple[str, dict[str, Any]]:
        """Return a line's kind and its whole record, times in epoch ms.

        Args:
            line: one JSON object, which `check_bounds` has let through.
            what: it is, for the error.

        Raises:
            BadLineError: the line is not JSON, or not an object of a known kind with that kind's fields.
        """
        found = bounded_object(line, what)
        kind = _kind(found, self._parsers)
        return kind, self.record(kind, found)

    def record(self, kind: str, found: dict[str, Any]) -> dict[str, Any]:
        """Return the whole record, times in epoch ms, of a kind's fields as JSON has them.

        Raises:
            BadLineError: they are not the fields of this kind.
        """
        return self._parsers[kind].record("", found)


def json_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Return the object that a text of JSON is.

    Args:
        text: without a byte order mark.
        what: it is, for the error.

    Raises:
        BadLineError: it is not JSON, no object, or holds too much.
    """
    check_bounds(text, what)
    return bounded_object(text, what)


def bounded_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Return the same of a text that `check_bounds` has let through."""
    try:
        value = msgspec.json.decode(text)
    except UnicodeError as error:
        raise BadLineError(f"{what} is not UTF-8") from error
    except msgspec.DecodeError as error:
        raise BadLineError(_not_json(_bytes_of(text), error, what)) from error
    except RecursionError as error:
        raise BadLineError(f"{what} holds lists or objects nested hundreds deep; no field is") from error
    if not isinstance(value, dict):
        raise BadLineError(f"{what} is {written(value)}; it must be a JSON object")
    return value


def check_bounds(text: str | bytes, what: str) -> None:
    """Refuse JSON that holds so much that to read it would take long; to be called before it is read.

    Raises:
        BadLineError: it does; says of what.
    """
    if len(text) > UNCHECKED_BYTES and (found := excess(_bytes_of(text))) is not None:
        raise BadLineError(f"{what} holds {found}")


def _bytes_of(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")


def _not_json(text: bytes, error: msgspec.DecodeError, what: str) -> str:
    """Return why a text is not JSON, in the words of a known cause where it has one."""
    if not text.strip():
        return f"{what} is empty"
    if b"\0" in text:
        return f"{what} holds NUL bytes: it is UTF-16, or what a crash left of a file; only UTF-8 is read"
    if (half := _half(text, str(error))) is not None:
        return f"{what} holds {half}, half of a surrogate pair, which is no character; write \\ufffd in its place"
    try:
        text.decode()
    except UnicodeDecodeError:
        return f"{what} is not UTF-8"
    return f"{what} is not JSON: {error}"


def _half(text: bytes, error: str) -> str | None:
    """Return the half of a surrogate pair because of which msgspec takes a text for no JSON; None if there is none.

    Args:
        text: the text.
        error: what msgspec says.
    """
    if (said := _SURROGATE.search(error)) is not None:
        at = int(said[2]) - _ESCAPE_BYTES
        if said[1] == "invalid" and _SECOND_HALF.match(text, at) is None:
            at -= _ESCAPE_BYTES  # what is wrong is the escape behind a first half
        return text[at : at + _ESCAPE_BYTES].decode(errors="replace")
    # Within so many bytes of its end a text seems to be cut.
    at = text.rfind(b"\\u", max(0, len(text) - 2 * _ESCAPE_BYTES))
    half = _FIRST_HALF.match(text, at) if at >= 0 else None
    before = text[: max(0, at)]
    is_escape = (len(before) - len(before.rstrip(b"\\"))) % 2 == 0
    return half[0].decode() if half is not None and is_escape else None


def _kind(found: dict[str, object], known: Collection[str]) -> str:
    kind = found.pop("kind", None)
    if kind is None:
        raise BadLineError(f"kind is missing; it must be one of {_listed(known)}")
    if not isinstance(kind, str) or kind not in known:
        raise BadLineError(f"kind is {written(kind)}{_instead(kind, known)}")
    return kind


@dataclass(frozen=True)
class _RecordParser:
    """Reads an object as a record: its fields' parsers, and the defaults of those that may be left out."""

    fields: dict[str, Parse]
    defaults: dict[str, Any]

    def record(self, where: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(where, value, "an object")
        prefix = f"{where}." if where else ""
        for name in value:
            if name not in self.fields:
                raise BadLineError(f"{prefix}{_cut(name)} is not a field{_instead(name, self.fields)}")
        missing = [prefix + name for name in self.fields if name not in value and name not in self.defaults]
        if missing:
            raise MissingFieldError(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
        return {
            name: parse(prefix + name, value[name]) if name in value else _fresh(self.defaults[name])
            for name, parse in self.fields.items()
        }


def _fresh(default: object) -> object:
    return default.copy() if isinstance(default, (dict, list)) else default


def _record_parser(schema: Schema) -> _RecordParser:
    return _RecordParser(
        fields={field["name"]: _parser(field["type"]) for field in schema["fields"]},
        defaults={f["name"]: f["default"] for f in schema["fields"] if "default" in f},
    )


def _parser(kind: Any) -> Parse:
    """Return what reads a value of an Avro type."""
    if isinstance(kind, list):
        (other,) = (branch for branch in kind if branch != "null")
        return _nullable(_parser(other))
    if isinstance(kind, str):
        return _whole_number(_INTEGERS[kind]) if kind in _INTEGERS else _SIMPLE[kind]
    return _COMPLEX[kind["type"]](kind)


def _nullable(parse: Parse) -> Parse:
    return lambda where, value: None if value is None else parse(where, value)


def _text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(where, value, "a text in double quotes")
    return value


def _boolean(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, value, "true or false")
    return value


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(where, value, "a number")
    try:
        return float(value)
    except OverflowError:
        raise _wrong(where, value, "a number of less than 309 digits") from None


_SIMPLE: dict[str, Parse] = {"string": _text, "boolean": _boolean, "double": _number}


def _whole_number(bits: int) -> Parse:
    limit = 1 << bits

    def parse(where: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(where, value, "a whole number")
        if not -limit <= value < limit:
            raise _wrong(where, value, f"between {-limit} and {limit - 1}")
        return value

    return parse


_whole_long = _whole_number(_INTEGERS["long"])


def _time(where: str, value: object) -> int:
    if isinstance(value, str):
        return _rfc3339(where, value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(where, value, 'a time such as "2024-05-01T12:00:00Z", or epoch milliseconds')
    _whole_long(where, value)
    return value


def _rfc3339(where: str, value: str) -> int:
    if len(value) <= _LONGEST_LEAP and (leap := _LEAP_SECOND.fullmatch(value)) is not None:
        return _leap_second(where, value, leap)
    try:
        time = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        raise _wrong(where, value, 'a time such as "2024-05-01T12:00:00Z" (RFC 3339)') from None
    if time.tzinfo is None:
        raise _wrong(where, value, 'a time with its offset: end it with "Z" where it is UTC')
    return (time - _EPOCH) // _MILLISECOND


def _leap_second(where: str, value: str, leap: re.Match[str]) -> int:
    """Return the time of a second 60: epoch time has none, so it is the first second of the next day, as in POSIX.

    RFC 3339 (section 5.7) allows it in the last minute of a month, UTC.
    """
    after = _rfc3339(where, f"{leap['minute']}:59{leap['rest']}") + 1000
    if not _begins_a_month(after):
        raise _wrong(where, value, "a time whose seconds are 00 to 59: only a month's last minute (UTC) has a 60")
    return after


def _begins_a_month(time: int) -> bool:
    """Return whether a time, epoch ms, is in the first second of a month, UTC."""
    try:
        at = _EPOCH + time * _MILLISECOND
    except OverflowError:  # the year 10000
        return False
    return (at.day, at.hour, at.minute, at.second) == (1, 0, 0, 0)


def _enum(symbols: list[str]) -> Parse:
    allowed = dict.fromkeys(symbols)

    def parse(where: str, value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise BadLineError(f"{where} is {written(value)}{_instead(value, allowed)}")
        return value

    return parse


def _map(parse_value: Parse) -> Parse:
    def parse(where: str, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise _wrong(where, value, "an object")
        return {key: parse_value(f"{where}.{_cut(key)}", item) for key, item in value.items()}

    return parse


def _array(parse_item: Parse) -> Parse:
    def parse(where: str, value: object) -> list[object]:
        if not isinstance(value, list):
            raise _wrong(where, value, "a list")
        return [parse_item(f"{where}[{i}]", item) for i, item in enumerate(value)]

    return parse


def _wrong(where: str, value: object, expected: str) -> BadLineError:
    return BadLineError(f"{where} is {written(value)}; it must be {expected}")


def written(value: object) -> str:
    """Return a value as JSON writes it, cut short: no more of a list of thousands is written than is shown."""
    shown = ""
    for part in _ENCODER.iterencode(value[: _SHOWN + 1] if isinstance(value, str) else value):
        shown += part
        if len(shown) > _SHOWN:
            break
    return _cut(shown)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _instead(value: object, allowed: Iterable[str]) -> str:
    """Return what to say after a name that is not allowed: the nearest one, or all of them."""
    near = get_close_matches(value[:_SHOWN], list(allowed), n=1) if isinstance(value, str) else ()
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"{hint}; allowed: {_listed(allowed)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


_COMPLEX: dict[str, Callable[[dict[str, Any]], Parse]] = {
    "long": lambda _: _time,  # only times are written as objects: the type beside its meaning
    "enum": lambda kind: _enum(kind["symbols"]),
    "map": lambda kind: _map(_parser(kind["values"])),
    "array": lambda kind: _array(_parser(kind["items"])),
    "record": lambda kind: _record_parser(kind).record,
}
