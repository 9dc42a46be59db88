"""What is left in the changelog of somebody who was erased: their entry, and blocks of their touchpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import chain
from unittest.mock import patch

from schemas.erasures import ErasedRows, Erasure, digest_of
from schemas.journey_log import Erased
from streams.journeys.output import Entry
from streams.journeys.partition import BLOCK
from streams.settings import Settings
from tests.unit.journeys.play import MINUTE, T0
from tests.unit.journeys.test_pending_blocks import Worker, of, small
from tests.unit.streams.records import FakeRecord
from touchline.erase import left

SALT = b"salt" * 4
AT = T0 + 4 * MINUTE
ROWS = ErasedRows("order", AT, ["ann"], 1)
ERASURE = Erasure("order", AT, SALT, [digest_of(SALT, "ann")], 5)


@dataclass(frozen=True)
class _Run:
    records: list[FakeRecord]


async def states_left(changelog: list[Entry]) -> int:
    async def read(*_: object) -> AsyncIterator[_Run]:
        for offset, (key, value) in enumerate(changelog):
            yield _Run([FakeRecord(offset, value, key)])

    with patch.object(left, "read_to_end", read):
        return await left._state_left(Settings(partitions=1), ROWS, ERASURE)


async def test_blocks_of_before_the_erasure_are_left_until_they_are_deleted() -> None:
    """Ann has two by then, and Bob one. What Ann did later is in one of the new profile's."""
    worker = Worker()
    changelog = list(chain.from_iterable(worker.write(small(number)) for number in range(8)))
    changelog += worker.write(*(small(number, "bob") for number in range(10, 14)))
    assert await states_left(changelog) == 1 + 2, "her entry and her blocks"

    erasing = worker.write(Erased("ann", AT, "order", SALT, 5))
    assert await states_left(changelog + [one for one in erasing if one[0][:1] != BLOCK or one[1] is not None]) == 2
    changelog += erasing
    assert await states_left(changelog) == 0

    late = of(BLOCK, changelog)[0]
    assert await states_left([*changelog, late]) == 1
