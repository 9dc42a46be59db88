"""How long a record's texts and lists may be: the limits of `schemas.limits`, checked for every kind alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NoReturn

from schemas.avro.registry import kind_schemas
from schemas.errors import Reason
from schemas.kinds.checks import Check, InvalidRecordError, Record
from schemas.limits import ENTRIES, MAPS, OF_A_KIND, SHORT, MapLimit, characters_of
from streams.identity.text import cleaned, folded

EVENT_ID = "event_id"
_IDENTIFIERS = "identifiers"
_SHOWN = 60


def check_lengths(kind: str, record: Mapping[str, Any], size: int) -> None:
    """Refuse a record that holds more, or longer texts, than is taken.

    Args:
        kind: the contract's name of the record's kind.
        record: of that kind.
        size: bytes of its message; most messages are too small to exceed a limit.

    Raises:
        InvalidRecordError: `too_large` and the name of the field.
    """
    if size > SHORT:
        for check in _CHECKS[kind]:
            check(record)
    identifiers = record.get(_IDENTIFIERS)
    if identifiers and len(identifiers) > OF_A_KIND:
        _check_kinds(identifiers)


def check_characters(name: str, text: str, most: int, reason: Reason = "too_large") -> None:
    """Refuse a text of more than `most` characters; `name` says which it is."""
    if len(text) > most:
        _refuse(name, len(text), "characters", most, reason)


def _refuse(name: str, found: int, what: str, most: int, reason: Reason = "too_large") -> NoReturn:
    raise InvalidRecordError(reason, f"{name} has {found:,} {what}; at most {most:,} are taken")


def _check_kinds(identifiers: Mapping[str, str]) -> None:
    """Refuse identifiers of which too many are of one kind: they are names such as `phone`, `Phone` and `PHONE`."""
    clean = (cleaned(name, SHORT) for name in identifiers)
    # What is too long is no kind, and to fold it takes long.
    for kind, count in Counter(folded(name) for name in clean if len(name) <= SHORT).items():
        if count > OF_A_KIND:
            _refuse(f"{_IDENTIFIERS}: the kind {kind[:_SHOWN]!r}", count, "entries", OF_A_KIND)


def _texts(limits: Mapping[str, int]) -> Check:
    """Refuse a record in which a text (or null) is longer than its limit, by field."""
    texts_of, names = itemgetter(*limits), tuple(limits)
    shared = min(limits.values())

    def check(record: Record) -> None:
        # Most texts are shorter than the least limit: then one look at all of them is enough.
        texts = texts_of(record)
        if max(map(len, filter(None, texts)), default=0) > shared:
            for name, text in zip(names, texts, strict=True):
                check_characters(name, text or "", limits[name])

    return check


def _map(name: str, limit: MapLimit) -> Check:
    def check(record: Record) -> None:
        entries = record[name]
        if len(entries) > limit.entries:
            _refuse(name, len(entries), "entries", limit.entries)
        together = 0
        for key, value in entries.items():
            together += len(key) + len(value)
            if len(key) > limit.name:
                check_characters(f"{name}: the name {key[:_SHOWN]!r}…", key, limit.name)
            if len(value) > limit.value:
                check_characters(f"{name}: {key[:_SHOWN]!r}", value, limit.value)
        if together > limit.together:
            _refuse(name, together, "characters", limit.together)

    return check


def _list(name: str, inner: Mapping[str, int]) -> Check:
    most, limits = ENTRIES[name], tuple(inner.items())

    def check(record: Record) -> None:
        entries = record[name]
        if len(entries) > most:
            _refuse(name, len(entries), "entries", most)
        for place, entry in enumerate(entries):
            for field, limit in limits:
                check_characters(f"{name}[{place}].{field}", entry[field], limit)

    return check


def _checks(schema: Mapping[str, Any]) -> tuple[Check, ...]:
    checks: list[Check] = []
    for field in schema["fields"]:
        name, kind = field["name"], field["type"]
        if not isinstance(kind, dict):
            continue
        if kind["type"] == "map":
            checks.append(_map(name, MAPS[name]))
        elif kind["type"] == "array":
            checks.append(_list(name, text_limits(kind["items"])))
    limits = {name: most for name, most in text_limits(schema).items() if name != EVENT_ID}
    return (_texts(limits), *checks)


def text_limits(schema: Mapping[str, Any]) -> dict[str, int]:
    """Return the most characters of each limited text of a record's schema, by field."""
    limits = {field["name"]: characters_of(field["name"]) for field in schema["fields"] if _is_text(field["type"])}
    return {name: most for name, most in limits.items() if most is not None}


def _is_text(kind: object) -> bool:
    return kind == "string" or (isinstance(kind, list) and "string" in kind)


_CHECKS: dict[str, tuple[Callable[[Record], None], ...]] = {
    kind: _checks(schema) for kind, schema in kind_schemas().items()
}
