"""Writing to Kafka in batches: many messages to many partitions, all acknowledged on return."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Generator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownError,
    UnknownProducerId,
    UnsupportedVersionError,
)

from schemas.errors import TouchlineError
from schemas.sizes import MAX_DEAD_LETTER_BYTES, Headers, record_size
from schemas.steps import parts_of
from schemas.topics import DEAD_LETTERS, MAX_MESSAGE_BYTES
from streams.kafka.client import client_options, passes
from streams.kafka.murmur2 import murmur2
from streams.runtime.retry import Backoff, Failure, Sleep, retry
from streams.runtime.turn import Turn
from streams.settings import Settings

BATCH_BYTES = 512 << 10
"""Size of a record batch; less than the 1 MiB that brokers take from anyone."""
COMPRESSION = "snappy"
"""Seven times as fast as lz4, which aiokafka fixes at level 9, for a tenth more bytes (450 KB of touchpoints)."""
PRODUCE_BACKOFF = Backoff(first_s=0.1, longest_s=5.0)

NO_IDEMPOTENCE = (UnsupportedVersionError, UnknownError, ClusterAuthorizationFailedError)
"""How brokers answer that do not know it, or do not allow it."""
NEW_PRODUCER_HELPS = (
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
)
"""Errors of one producer's id and sequence numbers, or of one that was replaced: they end with a new producer."""

log = structlog.get_logger(__name__)


class ProduceError(TouchlineError):
    """Kafka will not take a message, now or later; the message says which, and why."""


class Message(NamedTuple):
    """One message to write. `timestamp` in ms; None for now."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None

    @property
    def size(self) -> int:
        """The bytes it takes in its topic before compression; rather too many than too few."""
        return record_size(self.key, self.value, self.headers)


Place = tuple[str, int]
"""Topic and partition."""
Ends = Mapping[Place, int]
"""By partition, the offset after the last message."""
Batches = Mapping[Place, Sequence[Message]]
"""Messages by (topic, partition), in the order they are to have there."""


def partition_for(key: bytes, partitions: int) -> int:
    """Return the partition of a key, as Kafka's own producers choose it (murmur2)."""
    return (
        _remembered(key, partitions) if len(key) <= REMEMBERED_BYTES else (_hash_of_long(key) & _NO_SIGN) % partitions
    )


def _partition_for(key: bytes, partitions: int) -> int:
    return (murmur2(key) & _NO_SIGN) % partitions


def _hash_of_long(key: bytes) -> int:
    digest = blake2b(key, digest_size=16).digest()
    found = _long_hashes.get(digest)
    if found is None:
        if len(_long_hashes) >= LONG_REMEMBERED:
            del _long_hashes[next(iter(_long_hashes))]
        found = _long_hashes[digest] = murmur2(key)
    return found


_NO_SIGN = 0x7FFFFFFF
REMEMBERED_BYTES = 128
"""Of a longer key a digest is remembered, since 100,000 such keys would take much memory."""
LONG_REMEMBERED = 1 << 14
"""Longer keys whose hash is remembered: 5 KB take 0.3 ms to hash, and a robot's profile has 240 of them."""
_remembered = functools.lru_cache(maxsize=1 << 17)(_partition_for)
_long_hashes: dict[bytes, int] = {}


class BatchProducer:
    """One producer of a process. What `send` returned from is on all in-sync replicas.

    A batch that aiokafka's producer gave up leaves a gap in its sequence numbers, and Kafka would refuse all batches
    behind the gap: then another producer takes its place, with the data that were not acknowledged.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        compression: str | None = COMPRESSION,
        on_retry: Callable[[], None] = lambda: None,
        sleep: Sleep = asyncio.sleep,
        open_producer: Callable[..., Any] = AIOKafkaProducer,
    ) -> None:
        self._options = {
            **client_options(settings),
            "acks": "all",
            "compression_type": compression,
            "max_batch_size": BATCH_BYTES,
            "max_request_size": 2 * MAX_MESSAGE_BYTES,
        }
        self._sleep = sleep
        self._open_producer = open_producer
        self._producer: Any = None
        self._starting = asyncio.Lock()
        self._filling = asyncio.Lock()
        self._turn = Turn()
        self._retired: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._on_retry = on_retry
        self._failing: set[object] = set()

    async def start(self) -> None:
        """Connect. Idempotent where the broker can, so that a retry inside it writes nothing twice.

        Raises:
            KafkaError: no broker answers.
        """
        await self._started()

    async def stop(self) -> None:
        """Disconnect, after all pending batches are written."""
        self._stopped = True
        self._retire(self._producer)
        await asyncio.gather(*self._retired)

    async def send(self, batches: Batches) -> Ends:
        """Write all messages, and wait until all are acknowledged, however long Kafka is away.

        Partitions are written side by side; within each the order is kept.

        Returns:
            By partition that was written to, the offset after the last message.

        Raises:
            ProduceError: Kafka will never take one of them; the others may have been written.
        """
        written = {place: messages for place, messages in batches.items() if messages}
        outcomes = await asyncio.gather(
            *(self._send(topic, partition, messages) for (topic, partition), messages in written.items()),
            return_exceptions=True,
        )
        ends: dict[Place, int] = {}
        for place, outcome in zip(written, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            ends[place] = outcome
        return ends

    async def _started(self) -> Any:
        """Return aiokafka's producer; start one where there is none."""
        async with self._starting:
            if self._stopped:
                raise ProducerClosed
            if self._producer is None:
                try:
                    self._producer = await self._opened(idempotent=True)
                except NO_IDEMPOTENCE as error:
                    log.info("no idempotent producer here; a retry may write twice", cause=repr(error))
                    self._producer = await self._opened(idempotent=False)
            return self._producer

    def _retire(self, producer: Any) -> None:
        """Let a producer write what it still has, and stop; the next batch starts another one."""
        if producer is not None and producer is self._producer:
            self._producer = None
            stopping = asyncio.create_task(producer.stop())
            self._retired.add(stopping)
            stopping.add_done_callback(self._retired.discard)

    async def _opened(self, *, idempotent: bool) -> Any:
        producer = self._open_producer(**self._options, enable_idempotence=idempotent)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _send(self, topic: str, partition: int, messages: Sequence[Message]) -> int:
        """Write one partition's messages, a batch at a time: the next only after the one before; return their end."""
        await Turn().take(_refusing_oversized(topic, messages))
        start = end = 0
        while start < len(messages):
            start, end = await self._send_batch(topic, partition, messages, start)
        return end

    async def _send_batch(self, topic: str, partition: int, messages: Sequence[Message], start: int) -> tuple[int, int]:
        """Write messages from `start` on, as many as fit; return the index of the next, and the offset after them."""

        async def attempt() -> tuple[int, int]:
            producer = await self._started()
            async with self._filling:  # one after the other: those of all partitions are filled by one turn else
                if self._turn.is_over:
                    await self._turn.give()
                batch, end = _fill(producer, messages, start)
            try:
                written = await (await producer.send_batch(batch, topic, partition=partition))
            except KafkaTimeoutError:
                raise  # it waited behind other batches, got no sequence number, and left no gap
            except KafkaError:
                self._retire(producer)
                raise
            return end, written.offset + end - start

        writing = object()

        def note_failure(failure: Failure[KafkaError]) -> None:
            self._on_retry()
            # Said of the first: while Kafka is away, batches of all partitions fail.
            if not self._failing:
                log.warning(
                    "Kafka does not take messages; trying again until it does",
                    topic=topic,
                    partition=partition,
                    cause=repr(failure.error),
                )
            self._failing.add(writing)

        try:
            return await retry(
                attempt,
                transient=KafkaError,
                passes=self._passes,
                backoff=PRODUCE_BACKOFF,
                on_failure=note_failure,
                sleep=self._sleep,
            )
        except KafkaError as error:
            raise _explained(topic, partition, error) from error
        finally:
            self._failing.discard(writing)

    def _passes(self, error: KafkaError) -> bool:
        if self._stopped:
            return False
        # aiokafka raises KafkaError itself, and none of its kinds, once its producer's task has broken down.
        broken = type(error) is KafkaError
        return passes(error) or broken or isinstance(error, NEW_PRODUCER_HELPS)


def _fill(producer: Any, messages: Sequence[Message], start: int) -> tuple[Any, int]:
    """Return a batch of messages from `start` on, as many as fit, and the index of the next."""
    batch = producer.create_batch()
    for index in range(start, len(messages)):
        key, value, headers, timestamp = messages[index]
        fits = batch.append(key=key, value=value, timestamp=timestamp, headers=list(headers))
        if fits is None:
            return batch, index
    return batch, len(messages)


def _refusing_oversized(topic: str, messages: Sequence[Message]) -> Generator[None, None, None]:
    if topic == DEAD_LETTERS:
        return  # it must be written; `schemas.dead_letters.encode` sees to its size
    for part in parts_of(messages):
        for message in part:
            if message.size > MAX_MESSAGE_BYTES:
                raise ProduceError(
                    f"a message for {topic} is {message.size} bytes long, and the topic takes {MAX_MESSAGE_BYTES}"
                )
        yield


def _explained(topic: str, partition: int, error: KafkaError) -> ProduceError:
    hint = ""
    if isinstance(error, MessageSizeTooLargeError):
        limit = MAX_DEAD_LETTER_BYTES if topic == DEAD_LETTERS else MAX_MESSAGE_BYTES
        hint = f"; raise max.message.bytes of the topic to {limit}"
    return ProduceError(f"Kafka refused a batch for {topic}, partition {partition}: {error!r}{hint}")
