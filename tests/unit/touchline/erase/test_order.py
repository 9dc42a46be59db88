"""Whose rows an order deletes, as it is read back from what the sink is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from schemas import erasures
from schemas.erasures import ERASED, ErasedRows, Erasure, digest_of
from streams.settings import Settings
from tests.unit.streams.records import FakeRecord
from touchline.erase import order
from touchline.errors import CommandError

SALT = b"salt" * 4
ERASURE = Erasure("order", 7, SALT, [digest_of(SALT, key) for key in ("ann", "bob", "cy")], 5)
FIRST, SECOND = ErasedRows("order", 7, ["ann", "bob"], 9), ErasedRows("order", 7, ["cy"], 9)
OTHER = ErasedRows("another", 7, ["cy"], 9)


@dataclass(frozen=True)
class _Run:
    records: list[FakeRecord]


async def read_back(*times: list[ErasedRows], decided: Sequence[Erasure] = (ERASURE,)) -> order.Erased:
    """Return what is decided where the topic of identities holds some messages, one time after another."""
    coming = iter(times)

    async def identities(*_: object) -> AsyncIterator[_Run]:
        rows = [FakeRecord(0, b"rows", None), FakeRecord(1, b"no order", ERASED)]
        yield _Run([*rows, *(FakeRecord(2, erasures.encode(one), ERASED) for one in next(coming))])

    async def known(*_: object) -> AsyncIterator[list[FakeRecord]]:
        for one in decided:
            yield [FakeRecord(0, erasures.encode(one), one.key)]

    with (
        patch.object(order, "read_to_end", identities),
        patch.object(order, "follow", known),
        patch.object(order, "ASK_AGAIN_S", 0),
    ):
        return await order.decided(Settings(), "order", 60)


async def test_whose_rows_are_deleted_is_what_all_messages_of_the_order_say() -> None:
    found = await read_back([FIRST, OTHER, SECOND])

    assert found.rows == ErasedRows("order", 7, ["ann", "bob", "cy"], 9)
    assert found.parts == [FIRST, SECOND]


async def test_messages_that_come_a_little_later_than_the_erasure_are_waited_for() -> None:
    found = await read_back([], [FIRST], [FIRST, SECOND])

    assert found.parts == [FIRST, SECOND]


async def test_where_messages_of_the_order_are_gone_nothing_is_proved() -> None:
    with pytest.raises(CommandError, match="its retention has ended"):
        await read_back(*[[SECOND]] * order.ASKED)


async def test_an_order_is_carried_out_when_all_parts_of_it_are_there() -> None:
    parts = [replace(ERASURE, digests=[one], part=number, parts=3) for number, one in enumerate(ERASURE.digests)]
    another = replace(ERASURE, erasure_id="another", part=1, parts=2)

    found = await read_back([FIRST, SECOND], decided=[parts[2], another, parts[0], parts[0], parts[1]])

    assert found.erasure == ERASURE
    with pytest.raises(AssertionError, match="has no end"):
        await read_back([FIRST, SECOND], decided=[parts[0], another, parts[2]])
