"""Takes what was read, and hands it to the lanes of the targets that are to have it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from schemas.avro.codec import Codec
from schemas.dead_letters import rfc3339
from schemas.errors import RefusalError, UndecodableError
from schemas.topics import NOTIFY_DEAD_LETTERS
from streams.kafka.batches import Unread
from streams.kafka.offsets import Record
from streams.kafka.producer import Batches, partition_for
from streams.runtime.logging import Sampler
from streams.runtime.telemetry import Telemetry
from touchline.notify.choice import wants
from touchline.notify.lane import Delivery, Lane
from touchline.notify.letters import Letter, encode
from touchline.notify.notices import RECORDS, Notice, notice_of
from touchline.notify.progress import Progress
from touchline.notify.targets import Target
from touchline.notify.times import REAL, Times

log = structlog.get_logger(__name__)


WriteUnread = Callable[[str, int, Record, str], Awaitable[None]]
"""Writes a message that nobody could read: its topic, its partition, itself, and why; returns when Kafka has it."""


class Producer(Protocol):
    """What is used of `streams.kafka.producer.BatchProducer`."""

    async def send(self, batches: Batches) -> object:
        """Write all messages, and wait until all are acknowledged, however long Kafka is away."""


class DeadLetters:
    """Writes dead letters.

    Args:
        producer: writes to Kafka.
        times: how time is told.
    """

    def __init__(self, producer: Producer, times: Times = REAL) -> None:
        self._producer = producer
        self._times = times
        self._partitions = 1
        self._begun: dict[object, float] = {}

    def open(self, partitions: int) -> None:
        """Write to so many partitions."""
        self._partitions = partitions

    @property
    def unacknowledged_s(self) -> float:
        """Seconds since the oldest write that Kafka has not acknowledged; 0 without one."""
        now = self._times.monotonic()
        return now - min(self._begun.values(), default=now)

    async def write(self, target: Target, delivery: Delivery, why: str) -> None:
        """Write what a target has not taken; errors as those of the producer."""
        taken, key, value = delivery.taken, delivery.message_key, delivery.value
        at = rfc3339(self._times.wall())
        place = (delivery.topic, delivery.partition, taken.offset)
        await self._write(Letter(target.name, why, delivery.key, *place, at=at, key=key, value=value))

    async def write_unread(self, topic: str, partition: int, record: Record, why: str) -> None:
        """Write what nobody could read; errors as those of the producer."""
        at = rfc3339(self._times.wall())
        place = (topic, partition, record.offset)
        await self._write(Letter("", why, "", *place, at=at, key=record.key, value=record.value))

    async def _write(self, letter: Letter) -> None:
        writing = object()
        self._begun[writing] = self._times.monotonic()
        try:
            place = NOTIFY_DEAD_LETTERS, partition_for(letter.key or b"", self._partitions)
            await self._producer.send({place: [encode(letter)]})
        finally:
            del self._begun[writing]


@dataclass(eq=False)
class Deliverer:
    """Chooses, of each message, the targets that are to have it.

    Attributes:
        lanes: the ways to all targets.
        codec: reads signals.
        progress: is told of each message.
        write_unread: writes what cannot be read to the dead letters.
        telemetry: where that is counted.
        max_age_ms: age beyond which a signal is not delivered; 0 for any.
        times: how time is told.
    """

    lanes: Sequence[Lane]
    codec: Codec
    progress: Progress
    write_unread: WriteUnread
    telemetry: Telemetry
    max_age_ms: int
    times: Times = REAL

    def __post_init__(self) -> None:
        self._sampler = Sampler(self.times.monotonic)

    async def take(self, topic: str, partition: int, record: Record) -> None:
        """Take a message; what cannot be read is in the dead letters when this returns.

        Raises:
            ProduceError: Kafka does not take a dead letter.
        """
        try:
            notice = notice_of(topic, self.codec.decode_signal(RECORDS[topic], _value_of(record)))
        except RefusalError as error:
            await self.write_unread(topic, partition, record, str(error))
            self.telemetry.notify_unread.labels(topic).inc()
            if times := self._sampler.count(topic):
                log.warning(
                    "a message is no signal", topic=topic, partition=partition, offset=record.offset, times=times
                )
            self.progress.take((topic, partition), record.offset, 0, targets=0)
            return
        lanes = [lane for lane in self.lanes if wants(lane.target, notice)]
        if lanes and self._is_too_old(notice, record):
            for lane in lanes:
                self.telemetry.notices.labels(lane.target.name, "too_old").inc()
            lanes = []
        value = _value_of(record)
        taken = self.progress.take((topic, partition), record.offset, len(value), len(lanes))
        for lane in lanes:
            key = notice.key(of_customer=lane.target.withdrawals)
            sent_at, since = record.timestamp, self.times.monotonic()
            delivery = Delivery(
                notice=notice,
                key=key,
                taken=taken,
                topic=topic,
                partition=partition,
                message_key=record.key,
                value=value,
                sent_at=sent_at,
                since=since,
            )
            lane.put(delivery)

    def _is_too_old(self, notice: Notice, record: Record) -> bool:
        happened_at = notice.changed_at or record.timestamp
        return bool(self.max_age_ms) and self.times.wall() - happened_at > self.max_age_ms


def _value_of(record: Record) -> bytes:
    """Return a message's value.

    Raises:
        RefusalError: it has none.
    """
    if isinstance(record.value, Unread):
        raise record.value.refusal
    if record.value is None:
        raise UndecodableError("the message has no value")
    return record.value
