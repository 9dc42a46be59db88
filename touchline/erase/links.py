"""Taking those who were erased out of `identity.links.v1`: what is left is written anew, and all before it deleted.

Who is who follows from the set of links, not from their offsets: so those that are written again change nothing. What
breaks off midway leaves links twice, which changes nothing either.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator

from aiokafka import TopicPartition

from schemas import erasures, identity_links
from schemas.erasures import Erasure
from schemas.identity_links import Command, Erase, Link, LinkRecord, key_of
from schemas.subjects import SubjectStated
from schemas.topics import ERASURES, LINKS
from streams.identity.erasures import Erasures
from streams.kafka.offsets import Record
from streams.kafka.producer import BatchProducer, Message
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from touchline.erase.shortening import delete_before, end_of

PLACE = TopicPartition(LINKS, 0)


def surviving(records: Iterable[LinkRecord], erased: Iterable[Erasure]) -> Iterator[LinkRecord]:
    """Yield what is left of some records, without those who were erased; orders that are not carried out yet stay."""
    known, done = Erasures(), set()
    for erasure in erased:
        known.add(erasure)
        done.add(erasure.erasure_id)
    for record in records:
        if isinstance(record, Erasure):
            continue
        if isinstance(record, Erase):
            if record.erasure_id not in done:
                yield record
            continue
        if not any(known.holds(key, at) for key, at in _named_by(record)):
            yield record


def _named_by(record: Link | Command | SubjectStated) -> Iterator[tuple[str, int]]:
    """Yield the stated keys that a record names, and when it said so, ms."""
    if not isinstance(record, SubjectStated):
        at = record.occurred_at if isinstance(record, Link) else record.at
        yield from ((key_of(one), at) for one in (record.first, record.second))
    elif record.statement is not None:
        at = record.statement.occurred_at
        yield from ((key, at) for key in (record.customer_key, record.statement.stated_key))


async def forget_links(settings: Settings, wait_s: float) -> int:
    """Write what is left anew, and delete what was before; return how many records are gone.

    Raises:
        CommandError: the workers have not read all links in time, or this Kafka deletes no records.
        KafkaError: Kafka does not answer, or refuses it.
        ProduceError: Kafka does not take it.
    """
    erased = [erasures.decode(record.value or b"") async for record in _records(settings, ERASURES)]
    end, count, left = await end_of(settings, PLACE), 0, 0
    producer = BatchProducer(settings)
    await producer.start()
    try:
        await producer.send({(LINKS, 0): [Message(None, identity_links.encode(one)) for one in erased]})
        async for run in read_to_end(settings, LINKS, [0]):
            records = [identity_links.decode(one.value or b"") for one in run.records if one.offset < end]
            kept = [Message(None, identity_links.encode(one)) for one in surviving(records, erased)]
            count, left = count + len(records), left + len(kept)
            if kept:
                await producer.send({(LINKS, 0): kept})
            if run.position >= end:
                break
    finally:
        await producer.stop()
    await delete_before(settings, "streams", PLACE, end, wait_s)
    return count - left


async def left_in_links(settings: Settings) -> int:
    """Return how many records of the topic name somebody who was erased, from before that."""
    erased = [erasures.decode(record.value or b"") async for record in _records(settings, ERASURES)]
    left = 0
    async for run in read_to_end(settings, LINKS, [0]):
        records = [identity_links.decode(one.value or b"") for one in run.records]
        others = sum(not isinstance(one, Erasure) for one in records)
        left += others - sum(1 for _ in surviving(records, erased))
    return left


async def _records(settings: Settings, topic: str) -> AsyncIterator[Record]:
    async for run in read_to_end(settings, topic, [0]):
        for record in run.records:
            yield record
