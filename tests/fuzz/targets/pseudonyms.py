"""Messages with the key of pseudonyms set: whatever they state, in whatever form, none of it is written."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from typing_extensions import override

from schemas import journey_log
from schemas.avro.codec import KIND_RECORDS
from schemas.errors import RefusalError
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint
from schemas.limits import ENTRIES, MAPS, OF_A_KIND, SHORT
from streams.identity import emails
from streams.identity.fields import ESCAPES_MAX, hidden_fields
from streams.identity.hiding import PseudonymousIdentities
from streams.identity.pseudonyms import Pseudonyms
from streams.intake.accept import Source, accept, check_size
from streams.intake.lengths import check_lengths
from streams.sentiment import VaderScorer
from tests.fuzz.records import NOW, record_of
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.values import character, text
from tests.unit.identity.written_forms import (
    ADDRESS,
    ADDRESSES,
    BETWEEN,
    LOCAL,
    MARK,
    NUMBER,
    NUMBERS,
    PLACED,
    STATED_NUMBERS,
    shows,
)
from tests.unit.schemas.records import SCHEMAS

_KINDS = tuple(TOUCHPOINT_KINDS)
_STATED = {
    "email": f"Zoe <{ADDRESS}>",
    "phone": NUMBER,
    "twitter": f"@Zoe_{MARK}",
    "cookie": f"k-{MARK}/12",
    "loyalty_card": f"{MARK} 6012",
    "Loyalty_card": STATED_NUMBERS["loyalty_card"][0],
    "crm": LOCAL,
}
_GAPS = ("", "/", "?a=", "&", " ", ";", "\n", "|", "é", "日", "%20", "x_")
_WORDS = (MARK, "79460958")
_UNITS = (
    *("a", "aaaaaa", "a@b.c ", "+442079460 ", "1+20000000 ", "%41a", "%40", "é", "日", "&#64;", "%25", "1-", "000001 "),
    *("+", "@", '"\\"@', "a@", "\\u0040", "@ a.bc ", "+1+1", "(\\", "a'", "\uff20", "&amp;", "\ufdfa", "\u0660", "\0"),
    *(
        "\\",
        "&",
        "%",
        "0",
        "7",
        "7 ",
        "7,",
        "00 ",
        "&#0",
        "\\u{0",
        "\\u005c",
        "%5c",
        "{",
        "=",
        ".",
        "-",
        '"',
        "1.",
        "@1.",
    ),
)
"""What is dear to search, repeated."""
_LENGTHS = (1, 40, 1_000, ESCAPES_MAX - 1, ESCAPES_MAX, 8_000)
"""Of runs of one sign; that of so many escapes as are read is among them."""
_LARGEST = 8_000
_REST_MS = 1e6
"""CPU time that all else may take, ms: it is no part of what is fuzzed, and never the dearest."""


class Pseudonymised(Target):
    """INGEST with a key: a message is refused, or what is written of it shows no identifier that it states."""

    documented = (RefusalError,)

    def __init__(self) -> None:
        self._scorer = VaderScorer()

    @override
    def make(self, rng: random.Random) -> bytes:
        kind = rng.choice(_KINDS)
        record = record_of(SCHEMAS[KIND_RECORDS[kind]], rng, rng.choice((0.0, 0.0, 0.1, 0.3)))
        record["identifiers"] = {name: _STATED[name] for name in rng.sample(tuple(_STATED), rng.randrange(5))}
        record["customer_id"] = rng.choice((None, "c-1", _said(rng)))
        if rng.random() < 0.15:
            _make_dear(rng, record)
        else:
            record["attributes"] = {_any(rng)[:250]: _any(rng) for _ in range(rng.randrange(4))}
        if rng.random() < 0.3:
            record["attributes"]["often"] = _often(rng, record["identifiers"])
        if rng.random() < 0.2:
            run = rng.choice(_UNITS)[:1] * rng.choice(_LENGTHS)
            record["attributes"]["run"] = run + rng.choice(("", f" {_said(rng)}", f"\n{_often(rng, {})}"))
        for name in rng.sample(sorted(_texts(record)), rng.randrange(3)):
            said = rng.choice((_said(rng), _often(rng, record["identifiers"])))
            record[name] = said if len(said) <= SHORT else ADDRESS  # of one that is cut, a part would be kept
        return msgspec.msgpack.encode((kind, record))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        kind, record = msgspec.msgpack.decode(data, type=tuple[str, dict[str, Any]])
        size = len(data)
        identities = PseudonymousIdentities(Pseudonyms(b"a key that nobody knows"), "GB")
        # What is kept is bounded, but grows for longer than an input lasts.
        emails._cached.cache_clear()
        yield CPU_MS
        check_lengths(kind, record, size)
        yield CPU_MS
        _, stated = identities._stored_identifiers(record["identifiers"])
        identities._stored_customer(record["customer_id"])
        hidden_fields(record, identities._named(record["attributes"]), stated, identities._finder)
        yield _REST_MS  # what is not searched is not measured here: the target intake does so
        check_size(b" " * size)
        hidden = identities.stored(record)
        key = identities.customer_key_of(hidden["customer_id"], hidden["identifiers"])
        assert hidden.keys() == record.keys()
        assert len(msgspec.msgpack.encode(hidden)) <= 45 * size
        source = Source(0, "t", 0, 1, NOW, size)
        accepted = accept(kind, record, source, now=NOW, scorer=self._scorer, identities=identities)
        assert isinstance(accepted, Touchpoint)
        assert accepted.customer_key == key
        written = journey_log.decode(journey_log.encode(accepted))
        assert isinstance(written, Touchpoint)
        for name, value in msgspec.structs.asdict(written).items():
            assert name in {"text", "notes"} or not any(map(shows, _strings(value))), f"{name} shows an identifier"


def _said(rng: random.Random) -> str:
    """Return an address or a number, in some form and place, or an identifier that a message states."""
    writers, identifier = rng.choice(((ADDRESSES, ADDRESS), (NUMBERS, NUMBER)))
    return rng.choice(tuple(PLACED.values()))(rng.choice(tuple(writers.values()))(identifier))


def _often(rng: random.Random, stated: Mapping[str, str]) -> str:
    """Return a text in which addresses and numbers stand more than once, and what a message states, as it may be."""
    numbers = [one for name, (sent, said) in STATED_NUMBERS.items() if sent in stated.values() for one in said]
    count = rng.choice((2, 2, 3, 4, 5, 12, 40))
    if numbers and rng.random() < 0.8:
        return "".join(f"{rng.choice(numbers)}{rng.choice(BETWEEN)}" for _ in range(count))
    identifier, writers = rng.choice(((ADDRESS, ADDRESSES), (NUMBER, NUMBERS)))
    writer = rng.choice(tuple(writers.values()))
    return rng.choice(("/", ", ", "&b=")).join([writer(identifier)] * count)


def _any(rng: random.Random) -> str:
    """Return a text with such a one in it, or none; never one that is cut."""
    chosen = rng.random()
    if chosen < 0.3:
        found = text(rng)[:_LARGEST]
        return found if not any(map(found.__contains__, _WORDS)) else ""
    before = "".join(character(rng) for _ in range(rng.randrange(4))) if chosen < 0.5 else ""
    gaps = [rng.choice(_GAPS) for _ in range(3)]
    return f"{before}{gaps[0]}/{_said(rng)}/{gaps[1]}"


def _make_dear(rng: random.Random, record: dict[str, Any]) -> None:
    """Make a record as large as can be of what is dear, and state as much as there may be."""
    unit, length = rng.choice(_UNITS), rng.choice((5, 12, 200, 2_000, _LARGEST))
    count = min(rng.choice((1, 16, 40, 250)), 700_000 // (length * len(unit[:1].encode())))
    record["attributes"] = {f"a{number}": (unit * length)[:length] for number in range(count)}
    if "items" in record:
        sku = (unit * 250)[: rng.choice((3, 12, 250))]
        count = rng.choice((0, 50, ENTRIES["items"] if len(sku) < 50 else 400))
        record["items"] = [{"sku": sku, "quantity": 1, "price_minor": 1}] * count
    stated, limit = rng.choice(_UNITS), MAPS["identifiers"]
    length = rng.choice((6, 30, 300, 1_000))
    name = rng.choice(("k", "k", "email", "cookie", "k\uff20", "é" * 200))
    if rng.random() < 0.7:
        most = OF_A_KIND if name == "email" else min(limit.entries, limit.together // (len(name) + 2 + length + 6))
        record["identifiers"] = {
            f"{name}{' ' * number if name == 'email' else number}": f"{(stated * length)[:length]}{number:06}"
            for number in range(rng.choice((min(5, most), most)))
        }


def _texts(record: Mapping[str, Any]) -> list[str]:
    """Return the fields that any text may be in."""
    free = {
        "event_id",
        "source",
        "page",
        "agent_id",
        "call_id",
        "case_id",
        "topic",
        "owner",
        "about",
        "post_id",
        "order_id",
    }
    return [name for name in record if name in free]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from (*_strings(name), *_strings(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, msgspec.Struct):
        yield from _strings(msgspec.structs.asdict(value))
