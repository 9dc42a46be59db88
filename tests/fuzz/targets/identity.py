"""Customers' ids and identifiers, as anybody may write them."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator

import msgspec
from typing_extensions import override

from schemas.errors import RefusalError
from schemas.limits import MAPS, OF_A_KIND
from streams.identity import emails
from streams.identity.identities import Identities
from streams.identity.patterns import Patterns
from streams.intake.lengths import check_lengths
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.values import character, text
from tests.unit.schemas.records import SCHEMAS, minimal

_RECORD = {field["name"]: field.get("default") for field in SCHEMAS["PageView"]["fields"]} | minimal("page_view")
_KINDS = ("email", "phone", "twitter", "cookie", "instagram", "Phone", "EMAIL ", "crm")
_LIMIT = MAPS["identifiers"].value
_PARTS = (
    *("ann", "example.com", "@", "<", ">", "(", ")", '"', "\\", ".", ",", ";", ":", "?", " ", "%40", "%2B", "%00"),
    *("mailto:", "smtp:", "tel:", "sip:", "whatsapp:", "+44", "0044", "(0)20", "7946", "0958", "+", "-", "00", "000"),
    *(";ext=", " ext. ", "x", "#12", ";phone-context=+1", "FLOWERS", "xn--", "xn--bcher-kva", "xn--99999", "\u3002"),
    *(
        "\u0660\u0661",
        "\uff10",
        "\u200b",
        "\u202e",
        "\ufdfa",
        "\u0130",
        "\u1e9e",
        "\u0345",
        "\u0301",
        "null",
        "ffffffff",
    ),
)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Identifiers(Target):
    """Any identifiers that a message may have have forms that are bounded, seen and their own forms."""

    documented = (RefusalError,)

    def __init__(self) -> None:
        patterns = Patterns(r"(kiosk-?)*\d+x, .*(a|aa)+@")
        self._regions = {region: Identities(region, patterns) for region in ("", "GB", "US", "IT", "BR")}

    @override
    def make(self, rng: random.Random) -> bytes:
        sent = {rng.choice(_KINDS): _value(rng)[:_LIMIT] for _ in range(rng.choice((1, 1, 2, 8)))}
        if rng.random() < 0.02:  # one kind in many disguises, each value as dear as can be
            one = rng.choice(_PARTS)
            kind, length = rng.choice((("phone", 95), ("phone", 95), ("email", 1_000), ("twitter", 1_000)))
            count = rng.choice((OF_A_KIND, OF_A_KIND, OF_A_KIND + 1))
            sent = {f"{kind}{' ' * n}": f"{one * length}"[: length - n % 5] + str(n) for n in range(count)}
        if rng.random() < 0.02:  # as much as there may be, of names or of values
            limit, one, other = MAPS["identifiers"], rng.choice(_PARTS), rng.choice(_PARTS)
            name, value = rng.choice(((limit.name, 1), (3, limit.value), (60, 100), (limit.name, limit.value)))
            count = min(limit.entries, limit.together // (name + value))
            sent = {f"{n}{one * name}"[:name]: (other * value)[:value] for n in range(count)}
        return msgspec.msgpack.encode((rng.choice(tuple(self._regions)), _value(rng)[:256], sent))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        region, customer_id, sent = msgspec.msgpack.decode(data, type=tuple[str, str, dict[str, str]])
        identities = self._regions[region]
        yield CPU_MS
        check_lengths("page_view", _RECORD | {"identifiers": sent}, len(data))
        yield CPU_MS
        key = identities.customer_key_of(customer_id, sent)
        yield CPU_MS
        forms = identities.usable(sent)
        yield CPU_MS
        again = [form for kind, value in forms for form in identities.usable({kind: value})]
        # What is kept is bounded, but grows for longer than an input lasts.
        identities.phones._cached.cache_clear()
        emails._cached.cache_clear()
        assert again == forms, "a form has another form"
        assert key is not None or not forms
        for _, value in forms:
            assert 0 < len(value) <= _LIMIT
            assert not {unicodedata.category(char) for char in value} & _UNSEEN


def _value(rng: random.Random) -> str:
    chosen = rng.random()
    if chosen < 0.2:
        return text(rng)
    if chosen < 0.25:
        return rng.choice(_PARTS) * rng.choice((10, 90, 1_024))
    parts = [rng.choice(_PARTS) if rng.random() < 0.9 else character(rng) for _ in range(rng.randrange(12))]
    return "".join(parts)
