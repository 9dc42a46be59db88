"""Reading partitions outside of Faust: from the beginning to the end, or one message by its offset."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from streams.kafka.client import client_options
from streams.kafka.offsets import Record
from streams.settings import Settings

POLL_MS = 500
FETCH_BYTES = 4 << 20


async def read_whole(
    settings: Settings, topic: str, partition: int
) -> AsyncIterator[tuple[Sequence[Record], int, int]]:
    """Yield a partition's records from its beginning to where it ends now, in runs.

    Yields:
        records, in offset order; the offset read up to; and the offset to be read up to.

    Raises:
        KafkaError: Kafka refuses us. While it is away, it is waited for.
    """
    tp = TopicPartition(topic, partition)
    async with _consumer(settings, tp) as consumer:
        start = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        consumer.seek(tp, start)
        position = start
        while position < end:
            fetched = await consumer.getmany(tp, timeout_ms=POLL_MS)
            # Not the last record's offset: what was compacted away, or controls, is passed over.
            position = await consumer.position(tp)
            yield fetched.get(tp, []), position, end


async def read_one(settings: Settings, topic: str, partition: int, offset: int) -> Record | None:
    """Return one message by its offset, or None where the topic no longer has it."""
    tp = TopicPartition(topic, partition)
    async with _consumer(settings, tp) as consumer:
        consumer.seek(tp, offset)
        with suppress(OffsetOutOfRangeError):
            # Not asked for the end: the embedded broker calls the first record of the last batch the last.
            while not _passed(consumer, tp, offset):
                for found in (await consumer.getmany(tp, timeout_ms=POLL_MS)).get(tp, []):
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
async def _consumer(settings: Settings, tp: TopicPartition) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=POLL_MS,
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        yield consumer
    finally:
        await consumer.stop()
