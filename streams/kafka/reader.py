"""Reading partitions outside of Faust: from the beginning to the end, or one message by its offset."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from streams.kafka.batches import bound_batches
from streams.kafka.client import client_options, close, wait_out
from streams.kafka.offsets import Record
from streams.settings import Settings

POLL_MS = 500
FETCH_BYTES = 4 << 20


class Run(NamedTuple):
    """Records of one partition that follow one another.

    Attributes:
        records: in offset order; empty where only control records were read.
        position: the offset read up to.
        end: the offset to be read up to.
    """

    records: Sequence[Record]
    position: int
    end: int


async def read_to_end(
    settings: Settings, topic: str, partitions: Iterable[int], *, fetch_bytes: int = FETCH_BYTES
) -> AsyncIterator[Run]:
    """Yield the records of some partitions from their beginning to where they end now.

    Records that were fetched beyond the end are given too.

    Args:
        settings: how Kafka is reached.
        topic: the topic.
        partitions: numbers of its partitions.
        fetch_bytes: most bytes fetched of a partition at once.

    Raises:
        KafkaError: Kafka refuses us. While it is away, it is waited for.
    """
    places = [TopicPartition(topic, number) for number in partitions]
    async with _consumer(settings, places, fetch_bytes) as consumer:
        starts, ends = await wait_out(
            settings, lambda: asyncio.gather(consumer.beginning_offsets(places), consumer.end_offsets(places))
        )
        positions = dict(starts)
        for place in places:
            consumer.seek(place, starts[place])
        while any(positions[place] < ends[place] for place in places):
            fetched = await consumer.getmany(timeout_ms=POLL_MS)
            for place in places:
                # Not the last record's offset: compacted records and control records are passed over.
                position = await consumer.position(place)
                if position > positions[place]:
                    positions[place] = position
                    yield Run(fetched.get(place, []), position, ends[place])


async def follow(
    settings: Settings, topic: str, partition: int, offset: int | None = None
) -> AsyncIterator[Sequence[Record]]:
    """Yield the records of a partition, and those that come, for ever; nothing where nothing came for a while.

    Args:
        settings: how Kafka is reached.
        topic: the topic.
        partition: the number of its partition.
        offset: where to begin; by default at its beginning.

    Raises:
        KafkaError: Kafka refuses us. While it is away, it is waited for.
    """
    place = TopicPartition(topic, partition)
    async with _consumer(settings, [place], FETCH_BYTES) as consumer:
        if offset is None:
            offset = (await wait_out(settings, lambda: consumer.beginning_offsets([place])))[place]
        consumer.seek(place, offset)
        while True:
            found: dict[TopicPartition, list[Record]] = await consumer.getmany(timeout_ms=POLL_MS)
            yield found.get(place, [])


async def read_one(settings: Settings, topic: str, partition: int, offset: int) -> Record | None:
    """Return one message by its offset, or None where the topic no longer has it."""
    async for record in read_some(settings, topic, partition, [offset]):
        return record
    return None


async def read_some(
    settings: Settings, topic: str, partition: int, offsets: Iterable[int]
) -> AsyncIterator[Record | None]:
    """Yield of each offset of a partition its message, or None where the topic no longer has it."""
    tp = TopicPartition(topic, partition)
    async with _consumer(settings, [tp], FETCH_BYTES) as consumer:
        for offset in offsets:
            yield await _read_at(consumer, tp, offset)


async def _read_at(consumer: Any, tp: TopicPartition, offset: int) -> Record | None:
    consumer.seek(tp, offset)
    with suppress(OffsetOutOfRangeError):
        # The end offset does not tell: the embedded broker gives the first record of the last batch for it.
        while not _passed(consumer, tp, offset):
            for found in (await consumer.getmany(tp, timeout_ms=POLL_MS, max_records=1)).get(tp, []):
                record: Record = found
                return record if record.offset == offset else None
            if await consumer.position(tp) > offset:
                return None
    return None


def _passed(consumer: Any, tp: TopicPartition, offset: int) -> bool:
    """Return whether a fetch has shown that the partition ends before an offset."""
    highwater: int | None = consumer.highwater(tp)
    return highwater is not None and highwater <= offset


@asynccontextmanager
async def _consumer(settings: Settings, places: list[TopicPartition], fetch_bytes: int) -> AsyncIterator[Any]:
    consumer = await wait_out(settings, lambda: _opened(settings, fetch_bytes))
    try:
        # Assigned once: aiokafka's `stop` may wait for ever after a change of assignment.
        consumer.assign(places)
        yield consumer
    finally:
        await close(consumer.stop())


async def _opened(settings: Settings, fetch_bytes: int) -> AIOKafkaConsumer:
    bound_batches(settings.max_batch_bytes)
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=fetch_bytes,
        fetch_max_wait_ms=POLL_MS,
    )
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    return consumer
