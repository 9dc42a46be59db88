"""The refused messages: reading them, and sending them back where they came from."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from schemas.dead_letters import DeadLetter, decode
from schemas.sizes import MAX_DEAD_LETTER_BYTES
from schemas.topics import DEAD_LETTERS
from streams.kafka.admin import partition_counts
from streams.kafka.producer import BatchProducer, Message
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from touchline.errors import CommandError


@dataclass(frozen=True)
class Selection:
    """Which dead letters are meant; None for any."""

    reason: str | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None

    def __contains__(self, letter: DeadLetter) -> bool:
        wanted = (self.reason, self.topic, self.partition, self.offset)
        found = (letter.reason, letter.topic, letter.partition, letter.offset)
        return all(want is None or want == have for want, have in zip(wanted, found, strict=True))


async def dead_letters(settings: Settings, selection: Selection) -> AsyncIterator[DeadLetter]:
    """Yield the selected dead letters there are now, in the order of each partition.

    Raises:
        CommandError: the topic does not exist.
        KafkaError: Kafka does not answer.
    """
    count = (await partition_counts(settings)).get(DEAD_LETTERS)
    if count is None:
        raise CommandError(f"topic {DEAD_LETTERS} does not exist: touchline topics --create")
    async for run in read_to_end(settings, DEAD_LETTERS, range(count), fetch_bytes=MAX_DEAD_LETTER_BYTES):
        for record in run.records:
            letter = decode(record.key, record.value, record.headers)
            if letter in selection:
                yield letter


async def send_back(settings: Settings, letters: AsyncIterable[DeadLetter]) -> int:
    """Send messages to the topics and partitions they came from, unchanged; return how many.

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
