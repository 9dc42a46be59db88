"""The publisher: in order within a partition, one batch after the other, and no partition waits for another."""

from __future__ import annotations

import asyncio
import time

from streams.kafka.producer import Batches, Message, partition_for
from tests.unit.touchline.collect.door import FakeKafka
from touchline.collect.capacity import Capacity
from touchline.collect.intake import Outgoing
from touchline.collect.publisher import BATCH_BYTES, BATCH_MESSAGES, Publisher

WITHIN_S = 10.0


KEYS = {partition_for(key, 2): key for key in (b"1", b"2", b"3", b"4")}
"""By partition: a key that leads there."""


def outgoing(value: str, partition: int = 0, size: int = 0) -> Outgoing:
    return Outgoing(value, "t", Message(KEYS[partition], value.encode().ljust(size)))


def opened(kafka: object) -> tuple[Publisher, Capacity]:
    capacity = Capacity(100_000, 1 << 30)
    publisher = Publisher(capacity)
    publisher.open(kafka, {"t": 2})  # type: ignore[arg-type]  # each of them has what is used
    return publisher, capacity


async def test_requests_that_wait_go_out_together_and_in_order() -> None:
    kafka = FakeKafka()
    publisher, _ = opened(kafka)
    kafka.open.clear()
    names = [f"m{number:02}" for number in range(50)]

    waiting = [asyncio.create_task(publisher.publish([outgoing(name)], WITHIN_S)) for name in names]
    await kafka.asked.wait()
    kafka.open.set()

    assert await asyncio.gather(*waiting) == [[True]] * 50
    assert [message.value for message in kafka.written["t", 0]] == [name.encode() for name in names]
    assert kafka.batches <= 2


async def test_a_batch_has_a_bound() -> None:
    kafka = FakeKafka()
    publisher, _ = opened(kafka)

    assert all(await publisher.publish([outgoing("x")] * (2 * BATCH_MESSAGES), WITHIN_S))
    assert kafka.batches == 2
    assert all(await publisher.publish([outgoing("x", size=BATCH_BYTES // 2)] * 4, WITHIN_S))
    assert kafka.batches == 4


class OneAway(FakeKafka):
    """Partition 1 has no leader until it is open."""

    async def send(self, batches: Batches) -> None:
        if ("t", 1) in batches:
            await super().send(batches)
        else:
            for place, messages in batches.items():
                self.written.setdefault(place, []).extend(messages)


async def test_a_partition_that_kafka_does_not_take_holds_up_no_other() -> None:
    kafka = OneAway()
    kafka.open.clear()
    publisher, capacity = opened(kafka)

    stuck = asyncio.create_task(publisher.publish([outgoing("a", 1), outgoing("b", 0)], WITHIN_S))
    assert await publisher.publish([outgoing("c", 0)], WITHIN_S) == [True]
    assert not stuck.done()
    assert capacity.touchpoints == 1
    assert publisher.unacknowledged_s > 0

    kafka.open.set()
    assert await stuck == [True, True]
    assert (capacity.touchpoints, publisher.unacknowledged_s) == (0, 0)


async def test_a_partial_acknowledgement_is_told_of_each() -> None:
    kafka = OneAway()
    kafka.open.clear()
    publisher, _ = opened(kafka)

    assert await publisher.publish([outgoing("a", 1), outgoing("b", 0)], 0.05) == [False, True]
    kafka.open.set()
    await publisher.stop(WITHIN_S)


async def test_a_stop_waits_for_what_is_under_way_but_not_without_end() -> None:
    kafka = FakeKafka()
    kafka.open.clear()
    publisher, _ = opened(kafka)
    waiting = asyncio.create_task(publisher.publish([outgoing("a")], WITHIN_S))
    await kafka.asked.wait()

    began = time.monotonic()
    await publisher.stop(0.05)

    assert await waiting == [False]
    assert time.monotonic() - began < WITHIN_S / 2
