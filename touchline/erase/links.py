"""Taking those who were erased out of `identity.links.v1`: what is left is written anew, and all before it deleted.

Who is who follows from the set of links, not from their offsets: so those that are written again change nothing. What
breaks off midway leaves links twice, which changes nothing either.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial

from aiokafka import TopicPartition

from schemas import erasures, identity_links
from schemas.erasures import Erasure, in_parts, joined
from schemas.identity_links import Command, Erase, IdentitiesStated, Identity, LinkRecord, key_of
from schemas.subjects import SubjectStated
from schemas.topics import ERASURES, LINKS
from streams.identity.erasures import Erasures
from streams.identity.links import left_of
from streams.kafka.offsets import Record
from streams.kafka.producer import BatchProducer, Message
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from touchline.erase.shortening import delete_before, end_of

PLACE = TopicPartition(LINKS, 0)


def surviving(records: Iterable[LinkRecord], erased: Iterable[Erasure]) -> Iterator[LinkRecord | None]:
    """Yield what is left of each record without those who were erased, None where nothing is.

    Orders that are not carried out yet stay. Erasures do not: they are written anew in front of all others.
    """
    known, done = Erasures(), set()
    for erasure in erased:
        known.add(erasure)
        done.add(erasure.erasure_id)
    for record in records:
        if isinstance(record, Erasure):
            yield None
        elif isinstance(record, Erase):
            yield None if record.erasure_id in done else record
        elif isinstance(record, IdentitiesStated):
            yield left_of(record, partial(_is_erased, known, record.occurred_at))
        else:
            yield None if any(known.holds(key, at) for key, at in _named_by(record)) else record


def _is_erased(known: Erasures, at: int, identity: Identity) -> bool:
    return known.holds(key_of(identity), at)


def _named_by(record: Command | SubjectStated) -> Iterator[tuple[str, int]]:
    """Yield the stated keys that a record names, and when it said so, ms."""
    if not isinstance(record, SubjectStated):
        yield from ((key_of(one), record.at) for one in (record.first, record.second))
    elif record.statement is not None:
        at = record.statement.occurred_at
        yield from ((key, at) for key in (record.customer_key, record.statement.stated_key))


async def forget_links(settings: Settings, wait_s: float) -> int:
    """Write what is left anew, and delete what was before; return how many records were others before.

    Where nothing is to be taken out all stays as it is: no worker has to read it again.

    Raises:
        CommandError: the workers have not read all links in time, or this Kafka deletes no records.
        KafkaError: Kafka does not answer, or refuses it.
        ProduceError: Kafka does not take it.
    """
    if not await left_in_links(settings):
        return 0
    erased = await _erased(settings)
    end, changed = await end_of(settings, PLACE), 0
    producer = BatchProducer(settings)
    await producer.start()
    try:
        first = [identity_links.encode(part) for one in erased for part in in_parts(one)]
        await producer.send({(LINKS, 0): [Message(None, value) for value in first]})
        async for run in read_to_end(settings, LINKS, [0]):
            records = [identity_links.decode(one.value or b"") for one in run.records if one.offset < end]
            left = list(surviving(records, erased))
            kept = [Message(None, identity_links.encode(one)) for one in left if one is not None]
            changed += sum(one is not was for one, was in zip(left, records, strict=True))
            if kept:
                await producer.send({(LINKS, 0): kept})
            if run.position >= end:
                break
    finally:
        await producer.stop()
    await delete_before(settings, "streams", PLACE, end, wait_s)
    return changed


async def left_in_links(settings: Settings) -> int:
    """Return how many records of the topic name somebody who was erased, from before that."""
    erased = await _erased(settings)
    left = 0
    async for run in read_to_end(settings, LINKS, [0]):
        records = [identity_links.decode(one.value or b"") for one in run.records]
        pairs = zip(records, surviving(records, erased), strict=True)
        left += sum(one is not kept and not isinstance(one, Erasure) for one, kept in pairs)
    return left


async def _erased(settings: Settings) -> list[Erasure]:
    """Return who was erased by orders that are carried out."""
    return list(joined([erasures.decode(record.value or b"") async for record in _records(settings, ERASURES)]))


async def _records(settings: Settings, topic: str) -> AsyncIterator[Record]:
    async for run in read_to_end(settings, topic, [0]):
        for record in run.records:
            yield record
