"""The refused messages: reading them, and sending them back where they came from."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import groupby

import msgspec

from schemas.dead_letters import DeadLetter, decode
from schemas.inputs import CONTRACT_INPUTS
from schemas.sizes import MAX_DEAD_LETTER_BYTES
from schemas.topics import DEAD_LETTERS, MAX_MESSAGE_BYTES
from streams.kafka.batches import Unread
from streams.kafka.producer import BatchProducer, Message
from streams.kafka.reader import read_some, read_to_end
from streams.settings import Settings
from touchline.errors import CommandError

FETCHED_AT_ONCE = 500
GATHERED_BYTES = 4 << 20
"""Letters without their messages that are gathered before these are fetched, one message after the other; and bytes of
them, for whoever may write dead letters may write long ones."""
MESSAGES_REMEMBERED = 500_000
"""Of so many messages, the latest that had a dead letter, digests are kept, in 50 MB: another letter of one of them is
known by it. One of an earlier message is taken for another message's; sent back twice, it counts as a duplicate."""
DIGEST_BYTES = 16


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


async def dead_letters(
    settings: Settings, selection: Selection, partitions: Mapping[str, int]
) -> AsyncIterator[DeadLetter]:
    """Yield the selected dead letters there are now, in the order of each partition.

    Args:
        settings: how Kafka is reached.
        selection: which.
        partitions: how many each topic has that is there, by name.

    Raises:
        CommandError: the topic does not exist.
        KafkaError: Kafka does not answer.
    """
    count = partitions.get(DEAD_LETTERS)
    if count is None:
        raise CommandError(f"topic {DEAD_LETTERS} does not exist: touchline topics --create")
    async for run in read_to_end(settings, DEAD_LETTERS, range(count), fetch_bytes=MAX_DEAD_LETTER_BYTES):
        for record in run.records:
            letter = decode(record.key, record.value, record.headers)
            if letter in selection:
                yield letter


async def with_messages(
    settings: Settings, letters: AsyncIterable[DeadLetter], partitions: Mapping[str, int]
) -> AsyncIterator[DeadLetter]:
    """Yield letters with their messages: where they have none, with what Kafka holds in their place, a page at a time.

    One message is held at a time, and the letters of a page.

    Args:
        settings: how Kafka is reached.
        letters: in any order.
        partitions: how many each topic has that is there, by name.

    Raises:
        KafkaError: Kafka does not answer.
    """
    without: list[DeadLetter] = []
    size = 0
    async for letter in letters:
        is_there = letter.offset >= 0 and _names_input(letter, partitions, settings.inputs)
        if letter.value is not None or not is_there:
            yield letter
            continue
        without.append(letter)
        size += len(letter.detail) + len(letter.key or b"") + len(msgspec.msgpack.encode(letter.headers))
        if len(without) >= FETCHED_AT_ONCE or size >= GATHERED_BYTES:
            async for found in _fetched(settings, without):
                yield found
            without, size = [], 0
    async for found in _fetched(settings, without):
        yield found


async def _fetched(settings: Settings, letters: Iterable[DeadLetter]) -> AsyncIterator[DeadLetter]:
    by_place = sorted(letters, key=lambda letter: (letter.topic, letter.partition, letter.offset))
    for (topic, partition), of_one in groupby(by_place, key=lambda letter: (letter.topic, letter.partition)):
        found = list(of_one)
        waiting = iter(found)
        async for record in read_some(settings, topic, partition, [letter.offset for letter in found]):
            letter = next(waiting)
            if record is None or isinstance(record.value, Unread):
                yield letter
            else:
                yield replace(letter, key=record.key, value=record.value, headers=record.headers)


@dataclass
class Counts:
    """How many dead letters there are, of how many messages, and how many of these can be sent back.

    Attributes:
        partitions: how many each topic has that is there, by name.
        inputs: the input topics: a message is sent to no other.
    """

    partitions: Mapping[str, int]
    inputs: Container[str] = CONTRACT_INPUTS
    letters: int = 0
    messages: int = 0
    returnable: int = 0


async def once_each(letters: AsyncIterable[DeadLetter], counts: Counts) -> AsyncIterator[DeadLetter]:
    """Yield the first dead letter of each message, and count.

    A message has several letters if it was refused again: after a crash, after a replay, or because its producer sent
    it twice. It is the same message if topic, key and value are the same; without a value, if its place is. So it is
    of the last `MESSAGES_REMEMBERED`.
    """
    seen: dict[bytes, None] = {}
    async for letter in letters:
        counts.letters += 1
        message = _digest_of(letter)
        is_known = message in seen
        if is_known:
            del seen[message]
        seen[message] = None
        if len(seen) > MESSAGES_REMEMBERED:
            del seen[next(iter(seen))]
        if not is_known:
            counts.messages += 1
            counts.returnable += returnable(letter, counts.partitions, counts.inputs)
            yield letter


async def without_messages(letters: AsyncIterable[DeadLetter]) -> AsyncIterator[DeadLetter]:
    """Yield letters of which nothing is kept that is not shown in a line."""
    async for letter in letters:
        yield replace(letter, key=None, value=None, headers=())


async def latest(letters: AsyncIterable[DeadLetter], limit: int) -> list[DeadLetter]:
    """Return so many letters, those that were refused last, in the order in which they were."""
    kept: list[tuple[str, int, DeadLetter]] = []
    number = 0
    async for letter in letters:
        number += 1
        heappush(kept, (letter.at, number, letter))
        if len(kept) > limit:
            heappop(kept)
    return [letter for _, _, letter in sorted(kept)]


def _digest_of(letter: DeadLetter) -> bytes:
    """Return what tells a letter's message from others."""
    what = letter.value if letter.value is not None else f"{letter.partition}/{letter.offset}"
    return blake2b(msgspec.msgpack.encode((letter.topic, letter.key, what)), digest_size=DIGEST_BYTES).digest()


def returnable(letter: DeadLetter, partitions: Mapping[str, int], inputs: Container[str] = CONTRACT_INPUTS) -> bool:
    """Return whether a letter holds its message, and says where it came from: an input that is there and takes it.

    Anybody can write a dead letter that names another place. Kafka would be asked for it for ever.
    """
    there = _names_input(letter, partitions, inputs)
    return there and letter.value is not None and _message(letter).size <= MAX_MESSAGE_BYTES


def _names_input(letter: DeadLetter, partitions: Mapping[str, int], inputs: Container[str]) -> bool:
    return letter.topic in inputs and 0 <= letter.partition < partitions.get(letter.topic, 0)


def _message(letter: DeadLetter) -> Message:
    return Message(letter.key, letter.value, letter.headers)


async def send_back(
    settings: Settings,
    letters: AsyncIterable[DeadLetter],
    partitions: Mapping[str, int],
    on_sent: Callable[[int], None] = lambda _: None,
) -> int:
    """Send messages to the topics and partitions they came from, unchanged; return how many. Others are passed over.

    Args:
        settings: how Kafka is reached.
        letters: hold the messages.
        partitions: how many each topic has that is there, by name.
        on_sent: called with how many are sent by now.

    Raises:
        KafkaError: Kafka does not answer.
        ProduceError: Kafka will never take one of them; those before it were sent.
    """
    producer = BatchProducer(settings)
    await producer.start()
    sent = 0
    try:
        async for letter in letters:
            if not returnable(letter, partitions, settings.inputs):
                continue
            await producer.send({(letter.topic, letter.partition): [_message(letter)]})
            sent += 1
            on_sent(sent)
    finally:
        await producer.stop()
    return sent
