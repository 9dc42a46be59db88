"""The refused messages: reading them, and sending them back where they came from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import DEAD_LETTERS, MAX_MESSAGE_BYTES, TOPIC_KINDS
from streams.kafka.admin import partition_counts
from streams.kafka.client import client_options
from streams.kafka.producer import BatchProducer, Message
from streams.settings import Settings
from touchline.errors import CommandError

HEADER_PREFIX = "dlq."
HEADERS = frozenset(f"dlq.{what}" for what in ("reason", "detail", "stage", "topic", "partition", "offset", "at"))
"""What was added to the message's own headers when it was refused."""
_LARGEST = 2 * MAX_MESSAGE_BYTES

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class DeadLetter:
    """A refused message, as it came, and why it was refused.

    Attributes:
        topic, partition, offset: where it was refused; -1 for a number that is missing.
        at: when, as the header says it.
        headers: the message's own.
    """

    reason: str
    detail: str
    stage: str
    topic: str
    partition: int
    offset: int
    at: str
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def kind(self) -> str | None:
        """The kind of its topic; None for a topic that is none of touchline's inputs."""
        return TOPIC_KINDS.get(self.topic)


@dataclass(frozen=True)
class Chosen:
    """Which dead letters are meant; None for any."""

    reason: str | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None

    def __contains__(self, letter: DeadLetter) -> bool:
        wanted = (self.reason, self.topic, self.partition, self.offset)
        found = (letter.reason, letter.topic, letter.partition, letter.offset)
        return all(want is None or want == have for want, have in zip(wanted, found, strict=True))


def read_letter(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter:
    """Return what a record of the dead letters' topic says; headers that are missing stay empty."""
    about = {
        name.removeprefix(HEADER_PREFIX): (content or b"").decode("utf-8", "replace")
        for name, content in headers
        if name in HEADERS
    }
    return DeadLetter(
        reason=about.get("reason", ""),
        detail=about.get("detail", ""),
        stage=about.get("stage", ""),
        topic=about.get("topic", ""),
        partition=_number(about.get("partition", "")),
        offset=_number(about.get("offset", "")),
        at=about.get("at", ""),
        key=key,
        value=value,
        headers=[(name, content) for name, content in headers if name not in HEADERS],
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


async def dead_letters(settings: Settings, chosen: Chosen) -> AsyncIterator[DeadLetter]:
    """Yield the chosen dead letters there are now, in the order of each partition.

    Raises:
        CommandError: the topic does not exist.
        KafkaError: Kafka does not answer.
    """
    count = (await partition_counts(settings)).get(DEAD_LETTERS)
    if count is None:
        raise CommandError(f"topic {DEAD_LETTERS} does not exist: touchline topics --create")
    consumer = AIOKafkaConsumer(
        **client_options(settings), enable_auto_commit=False, max_partition_fetch_bytes=_LARGEST
    )
    await consumer.start()
    try:
        async for record in _records(consumer, count):
            letter = read_letter(record.key, record.value, record.headers)
            if letter in chosen:
                yield letter
    finally:
        await consumer.stop()


async def _records(consumer: AIOKafkaConsumer, partitions: int) -> AsyncIterator[Any]:
    places = [TopicPartition(DEAD_LETTERS, number) for number in range(partitions)]
    begins, ends = await asyncio.gather(consumer.beginning_offsets(places), consumer.end_offsets(places))
    # Assigned once: aiokafka's `stop` may wait for ever after a change of assignment.
    consumer.assign(places)
    for place in places:
        consumer.seek(place, begins[place])
    while [place for place in places if await consumer.position(place) < ends[place]]:
        # What was fetched beyond the end is given too: the embedded broker calls the first record
        # of the last batch the end.
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for record in records:
                yield record


async def send_back(settings: Settings, letters: AsyncIterable[DeadLetter]) -> int:
    """Send messages to the topics and partitions they came from, unchanged; returns how many.

    Raises:
        KafkaError: Kafka does not answer.
        ProduceError: Kafka will never take one of them; those before it were sent.
    """
    producer = BatchProducer(settings)
    await producer.start()
    sent = 0
    try:
        async for letter in letters:
            message = Message(letter.key, letter.value, letter.headers)
            await producer.send({(letter.topic, letter.partition): [message]})
            sent += 1
    finally:
        await producer.stop()
    return sent
