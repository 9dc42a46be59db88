"""Taking the dead letters of those who were erased out of `touchpoints.dlq.v1`, as links are taken out of theirs.

In a partition that has one of theirs all others are written again, behind the end, and all before is deleted. A letter
is known by the message that it holds, so one that is written again is the same row. It then ages from that time on.
"""

from __future__ import annotations

from aiokafka import TopicPartition

from schemas import dead_letters
from schemas.erasures import ErasedRows
from schemas.topics import DEAD_LETTERS
from streams.agents.erased_letters import Found, LetterSearch
from streams.kafka.offsets import Record
from streams.kafka.producer import BatchProducer, Message
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from touchline.erase.shortening import delete_before, end_of


class DeadLetters:
    """The dead letters in Kafka, beside somebody who was erased.

    Attributes:
        unsure: how many `count` has found that only may be theirs, and stay.
    """

    def __init__(self, settings: Settings, erased: ErasedRows) -> None:
        self._settings = settings
        self._search = LetterSearch(settings)
        self._keys = frozenset(erased.customer_keys)
        self._erased = erased
        self.unsure = 0

    async def count(self) -> dict[int, int]:
        """Return how many of a partition are theirs, of each that has one.

        Raises:
            KafkaError: Kafka does not answer.
        """
        found: dict[int, int] = {}
        self.unsure = 0
        for partition in range(self._settings.partitions):
            async for run in read_to_end(self._settings, DEAD_LETTERS, [partition]):
                theirs = sum(map(self._is_theirs, run.records))
                self.unsure += sum(self._is_unsure(one) for one in run.records)
                if theirs:
                    found[partition] = found.get(partition, 0) + theirs
        return found

    async def forget(self, wait_s: float) -> int:
        """Take them out, and return how many they were.

        Raises:
            CommandError: the sink has not read the letters in time.
            KafkaError: Kafka does not answer, or refuses it.
            ProduceError: Kafka does not take what is written again.
        """
        found = await self.count()
        for partition in found:
            await self._rewrite(partition, wait_s)
        return sum(found.values())

    async def _rewrite(self, partition: int, wait_s: float) -> None:
        place = TopicPartition(DEAD_LETTERS, partition)
        end = await end_of(self._settings, place)
        producer = BatchProducer(self._settings)
        await producer.start()
        try:
            async for run in read_to_end(self._settings, DEAD_LETTERS, [partition]):
                kept = [
                    Message(one.key, one.value, one.headers)
                    for one in run.records
                    if one.offset < end and not self._is_theirs(one)
                ]
                if kept:
                    await producer.send({(DEAD_LETTERS, partition): kept})
        finally:
            await producer.stop()
        await delete_before(self._settings, "sink", place, end, wait_s)

    def _is_theirs(self, record: Record) -> bool:
        unsure = self._erased.unsure_letters
        return self._search.is_theirs(_found(record), self._keys, self._erased.at, unsure=unsure)

    def _is_unsure(self, record: Record) -> bool:
        """Return whether a letter may be theirs, and stays."""
        is_possible = self._search.is_theirs(_found(record), self._keys, self._erased.at, unsure=True)
        return is_possible and not self._is_theirs(record)


def _found(record: Record) -> Found:
    """Return what is looked at of a letter: of what cannot be read also what stands beside it."""
    letter = dead_letters.decode(record.key, record.value, record.headers)
    beside = (record.key or b"", *(value or b"" for _, value in letter.headers))
    return Found(letter.topic, letter.detail, record.value or b"", beside)
