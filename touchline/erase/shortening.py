"""Having Kafka delete the beginning of a partition, once its readers have read it."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import KafkaError

from streams.kafka.admin_client import AdminClient
from streams.kafka.client import client_options
from streams.settings import Settings
from touchline.errors import CommandError

ASK_AGAIN_S = 0.2


async def end_of(settings: Settings, place: TopicPartition) -> int:
    """Return the offset after the last record of a partition.

    Raises:
        KafkaError: Kafka does not answer.
    """
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        ends: dict[TopicPartition, int] = await consumer.end_offsets([place])
    finally:
        await consumer.stop()
    return ends[place]


async def delete_before(settings: Settings, role: str, place: TopicPartition, end: int, wait_s: float) -> None:
    """Delete all records before an offset, once the group of a role has acknowledged them.

    Raises:
        CommandError: it has not in time; nothing is deleted then.
        KafkaError: Kafka does not answer, or refuses it.
    """
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        await asyncio.wait_for(_until_read(admin, settings.group(role), place, end), wait_s)
        await admin.delete_records({place: RecordsToDelete(before_offset=end)})
    except TimeoutError:
        raise CommandError(
            f"the group {settings.group(role)} has not read {place.topic}, partition {place.partition}, up to offset "
            f"{end} after {wait_s:g} s: nothing of it was deleted. Does it run? Then run this again"
        ) from None
    finally:
        await admin.close()


async def _until_read(admin: AdminClient, group: str, place: TopicPartition, end: int) -> None:
    read = await _committed(admin, group, place)
    while read < end:
        await asyncio.sleep(ASK_AGAIN_S)
        read = await _committed(admin, group, place)


async def _committed(admin: AdminClient, group: str, place: TopicPartition) -> int:
    """Return up to which offset a group has acknowledged a partition, -1 where it has nothing."""
    try:
        offsets = await admin.list_consumer_group_offsets(group, partitions=[place])
    except KafkaError as error:
        if not error.retriable:
            raise
        return -1
    return offsets[place].offset if place in offsets else -1
