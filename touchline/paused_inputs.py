"""The input partitions that workers have paused: finding them, and asking their workers to take them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.pauses import PauseNote, ResumeRequest, decode_note, encode_request
from schemas.topics import RESUME_REQUESTS
from streams.kafka.admin import partition_counts
from streams.kafka.admin_client import AdminClient
from streams.kafka.client import client_options
from streams.kafka.producer import BatchProducer, Message
from streams.settings import Settings


@dataclass(frozen=True)
class PausedInput:
    """A paused input partition.

    Attributes:
        offset: of the first message that waits.
        waiting: how many offsets there are from it on; control records of transactions count as well.
        note: what its worker committed with the offset.
    """

    topic: str
    partition: int
    offset: int
    waiting: int
    note: PauseNote


async def paused_inputs(settings: Settings) -> list[PausedInput]:
    """Return the paused input partitions, by topic and partition.

    Raises:
        KafkaError: Kafka does not answer.
    """
    counts = await partition_counts(settings)
    places = [TopicPartition(topic, number) for topic in settings.inputs for number in range(counts.get(topic, 0))]
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        committed = await admin.list_consumer_group_offsets(settings.group("streams"), partitions=places)
    finally:
        await admin.close()
    notes = {place: note for place, found in committed.items() if (note := decode_note(found.metadata)) is not None}
    ends = await _ends(settings, list(notes))
    return [
        PausedInput(place.topic, place.partition, offset, max(0, ends[place] - offset), note)
        for place, note in sorted(notes.items())
        if (offset := committed[place].offset) >= 0
    ]


async def _ends(settings: Settings, places: list[TopicPartition]) -> dict[TopicPartition, int]:
    if not places:
        return {}
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
    try:
        await consumer.start()
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    return ends


async def ask_to_take_up(settings: Settings, inputs: Sequence[PausedInput]) -> None:
    """Ask the workers that have these inputs to take them up; they do so within a second or two.

    Raises:
        KafkaError: Kafka does not answer.
        ProduceError: Kafka does not take the requests.
    """
    requests: dict[tuple[str, int], list[Message]] = {}
    for one in inputs:
        message = Message(None, encode_request(ResumeRequest(one.topic, one.partition)))
        # The worker that has an input has its task's partition of the requests.
        requests.setdefault((RESUME_REQUESTS, one.partition % settings.partitions), []).append(message)
    producer = BatchProducer(settings)
    await producer.start()
    try:
        await producer.send(requests)
    finally:
        await producer.stop()
