"""What waits in INGEST for touchpoints of other inputs: it takes little more memory than its messages."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from tests.unit.agents.ingest_bench import NOW, PAGE_VIEWS, PURCHASES, Bench, bench, final_until, sent

COUNT, WARM = 60, 20
TIMES = 4
"""By how many times its messages' bytes memory may grow. Decoded, these take 12 to 20 times as many."""


def items(number: int) -> bytes:
    lines = [{"sku": f"s{line}", "quantity": 1, "price_minor": 1} for line in range(400)]
    return sent("purchase", NOW - 9_000 + number, items=lines)


def attributes(number: int) -> bytes:
    return sent("purchase", NOW - 9_000 + number, attributes={f"a{entry}": "v" for entry in range(256)})


def identifiers(number: int) -> bytes:
    return sent("purchase", NOW - 9_000 + number, identifiers={f"k{n}": f"v{number}-{n}" for n in range(100)})


async def give(it: Bench, messages: list[bytes]) -> None:
    for message in messages:
        it.give(PURCHASES, message, more=True)
        await final_until()
    # What was written, of who is who, waits no more.
    it.producer.batches.clear()
    it.producer.acknowledged.clear()


@pytest.mark.parametrize("make", [items, attributes, identifiers])
async def test_touchpoints_that_wait_for_those_of_another_input_take_few_times_their_bytes(
    make: Callable[[int], bytes],
) -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))  # it may hold earlier ones
        await give(it, [make(number) for number in range(WARM)])
        messages = [make(number) for number in range(WARM, WARM + COUNT)]
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            await give(it, messages)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert it.log() == []
        assert grown < TIMES * sum(map(len, messages))

        it.consumer.unread.clear()
        await it.pass_time(1_000)
        assert len(it.log()) == WARM + COUNT


async def test_what_a_touchpoint_stated_is_forgotten_where_its_task_ends_before_it_is_written() -> None:
    async with bench() as it:
        stated = sent("purchase", NOW - 5, "ann", identifiers={"email": "ann@x.com"})
        it.producer.gate.clear()
        it.give(PURCHASES, stated)
        await final_until()
        it.consumer.rebalance()
        it.ingest.close_tasks()
        it.producer.gate.set()
        it.producer.batches.clear()

        it.give(PURCHASES, stated)
        await final_until()
        assert [topic for batch in it.producer.batches for topic, _ in batch].count("identity.links.v1") == 1
