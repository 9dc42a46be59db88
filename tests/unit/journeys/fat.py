"""Records as large as INGEST takes them: every text at its limit, in characters of four bytes."""

from __future__ import annotations

from functools import cache
from typing import Any

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry
from schemas.journey_log import Touchpoint
from schemas.kinds import TOUCHPOINT_KINDS
from streams.intake.accept import Source, accept
from tests.unit.schemas.records import SCHEMAS, minimal

WIDE = "\N{GRINNING FACE}"
WRITTEN = 1_000
"""Bytes of a text that people wrote: no state holds it."""
CODEC = Codec(FileRegistry())
DIMENSIONS = {f"d{place:02}".ljust(128, WIDE): "v".ljust(128, WIDE) for place in range(32)}
"""Attributes that are kept as dimensions, as many and as long as there are."""


class NoScorer:
    name = "none-1"

    def score(self, _text: str, _language: str | None = None) -> int | None:
        return 5_000


@cache
def texts_of(kind: str) -> dict[str, int]:
    """Return the texts of a kind's record with their limits, as docs/contract.md lists them."""
    limits = {"about": 1_024, "page": 8_192, "currency": 3, "event_id": 128, "text": WRITTEN, "notes": WRITTEN}
    return {
        field["name"]: limits.get(field["name"], 256)
        for field in SCHEMAS[KIND_RECORDS[kind]]["fields"]
        if field["type"] == "string" or (isinstance(field["type"], list) and "string" in field["type"])
    }


def fat(kind: str, number: int, at: int, **said: Any) -> Touchpoint:
    """Return a touchpoint that INGEST makes of a message as fat as it takes, about a thing of its own.

    Args:
        number: tells its ids and its channel from those of others.
        at: when it happened and was received, epoch ms.
        said: what its fields say instead; a `currency` for one.
    """
    texts = {name: f"{number:06}".ljust(most, WIDE) for name, most in texts_of(kind).items()}
    record = {
        **minimal(kind),
        **texts,
        "customer_id": "robot".ljust(256, WIDE),
        "occurred_at": at,
        "attributes": {**DIMENSIONS, f"n{number}": "x" * 200},
        "identifiers": {f"k{place}": WIDE * 1_024 for place in range(10)},
    }
    if "currency" in texts:
        record["currency"] = currency(number)
    record |= said
    value = CODEC.encode(KIND_RECORDS[kind], record)
    source = Source(0, TOUCHPOINT_KINDS[kind].topic, 0, number, at, len(value))
    made = accept(kind, CODEC.decode(kind, value), source, now=at, scorer=NoScorer())
    assert isinstance(made, Touchpoint)
    return made


def currency(number: int) -> str:
    """Return one of the 17,576 codes that are written like those of ISO 4217."""
    return "".join(chr(65 + number // 26**place % 26) for place in range(3))
