"""Which dead letters in Kafka are whoever's is erased, and which only may be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from schemas import dead_letters
from schemas.dead_letters import DeadLetter
from schemas.erasures import ErasedRows
from streams.settings import Settings
from tests.unit.streams.records import FakeRecord
from touchline.erase import letters
from touchline.erase.letters import DeadLetters

ROWS = ErasedRows("order", 1 << 42, ["42", "anon:crm:EUR"], 7)


class Run(NamedTuple):
    records: list[FakeRecord]


def letter(offset: int, value: bytes, key: bytes | None = None) -> FakeRecord:
    one = DeadLetter(
        reason="undecodable",
        detail="no JSON",
        stage="ingest",
        topic="touchpoints.purchases.v1",
        partition=0,
        offset=offset,
        at="2026-05-01T00:00:00Z",
        key=key,
        value=value,
        headers=(),
    )
    made_key, made_value, headers = dead_letters.encode(one)
    return FakeRecord(offset, made_value, made_key, headers=headers)


@pytest.mark.parametrize(("unsure", "theirs", "left"), [(False, 2, 1), (True, 3, 0)])
async def test_what_may_be_others_stays_and_is_counted_unless_the_order_says_so(
    unsure: bool, theirs: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [
        letter(0, b'{"customer_id": "42", '),
        letter(1, b'{"currency": "EUR", '),
        letter(2, b"no JSON", key=b"42"),
        letter(3, b"of somebody else"),
    ]

    async def read(_settings: Settings, _topic: str, partitions: Sequence[int]) -> AsyncIterator[Run]:
        yield Run(there if partitions == [0] else [])

    monkeypatch.setattr(letters, "read_to_end", read)
    found = DeadLetters(Settings(), replace(ROWS, unsure_letters=unsure))

    assert await found.count() == {0: theirs}
    assert found.unsure == left
