"""Publishes what requests bring: a lane for each partition, in order, each batch acknowledged before the next."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

import structlog

from streams.kafka.producer import Batches, Message, ProduceError, partition_for
from streams.runtime.exit import exit_on_error
from streams.runtime.logging import Sampler
from touchline.collect.capacity import Capacity
from touchline.collect.errors import RequestError
from touchline.collect.intake import Outgoing

BATCH_MESSAGES = 2_000
BATCH_BYTES = 1 << 20
"""The most that a lane writes at a time. The larger it is, the fewer batches; what is under way cannot be withdrawn."""

AWAY_RETRY_S = 5
"""Seconds after which a request may come again for which Kafka was away."""
NOT_YET = "Kafka has not answered yet; nothing of this request was accepted. Send it again later"

Place = tuple[str, int]
log = structlog.get_logger(__name__)


class Producer(Protocol):
    """What is used of `streams.kafka.producer.BatchProducer`."""

    async def send(self, batches: Batches) -> object:
        """Write all messages, and wait until all are acknowledged, however long Kafka is away."""


class _Request:
    """What became of the touchpoints of one request."""

    def __init__(self, count: int) -> None:
        self.acknowledged = [False] * count
        self.left = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def note(self, index: int, *, acknowledged: bool) -> None:
        self.acknowledged[index] = acknowledged
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


class _Entry:
    """One touchpoint on its way."""

    __slots__ = ("index", "message", "place", "request")

    def __init__(self, request: _Request, index: int, place: Place, message: Message) -> None:
        self.request = request
        self.index = index
        self.place = place
        self.message = message


class Publisher:
    """Writes messages to Kafka, and says which it has acknowledged.

    Args:
        capacity: what is held is taken from it, until it is acknowledged or withdrawn.
        clock: tells seconds, monotonic.

    Attributes:
        refusal: why Kafka will take the last messages neither now nor later; empty where it has taken them.
    """

    def __init__(self, capacity: Capacity, clock: Callable[[], float] = time.monotonic) -> None:
        self.refusal = ""
        self._capacity = capacity
        self._clock = clock
        self._producer: Producer | None = None
        self._partitions: Mapping[str, int] = {}
        self._lanes: defaultdict[Place, OrderedDict[_Entry, None]] = defaultdict(OrderedDict)
        self._working: dict[Place, asyncio.Task[None]] = {}
        self._begun: dict[Place, float] = {}
        self._sampler = Sampler(clock)

    @property
    def unacknowledged_s(self) -> float:
        """Seconds since the oldest write that Kafka has not acknowledged; 0 without one."""
        now = self._clock()
        return now - min(self._begun.values(), default=now)

    def open(self, producer: Producer, partitions: Mapping[str, int]) -> None:
        """Write by this producer, from now on; `partitions`: how many each topic has."""
        self._producer = producer
        self._partitions = partitions

    async def publish(self, messages: Sequence[Outgoing], within_s: float) -> list[bool]:
        """Write all messages, in their order within each partition; return of each whether Kafka has acknowledged it.

        What is not acknowledged in time is withdrawn, unless it is under way: then it may still be written.

        Raises:
            RequestError: 503, there is no room for them, or no producer yet; none was written.
        """
        if self._producer is None:
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, NOT_YET, AWAY_RETRY_S)
        self._capacity.take(len(messages), sum(message.message.size for message in messages))
        if not messages:
            return []
        request = _Request(len(messages))
        entries = [
            _Entry(request, index, self._place(outgoing), outgoing.message) for index, outgoing in enumerate(messages)
        ]
        for entry in entries:
            self._lanes[entry.place][entry] = None
        for place in {entry.place for entry in entries}:
            if place not in self._working:
                self._working[place] = asyncio.create_task(self._work(self._producer, place), name=f"lane {place}")
        try:
            async with asyncio.timeout(within_s):
                await request.done
        except TimeoutError:
            pass
        finally:
            self._withdraw(entries)
        return request.acknowledged

    async def stop(self, within_s: float) -> None:
        """Wait for what is under way, and then give it up."""
        if self._working:
            await asyncio.wait(self._working.values(), timeout=within_s)
        for task in list(self._working.values()):
            task.cancel()

    def _place(self, outgoing: Outgoing) -> Place:
        """Return topic and partition of a touchpoint: as `touchline publish` chooses them, by the message's key."""
        return outgoing.topic, partition_for(outgoing.message.key or b"", self._partitions[outgoing.topic])

    def _withdraw(self, entries: Sequence[_Entry]) -> None:
        for entry in entries:
            lane = self._lanes.get(entry.place)
            if lane is not None and entry in lane:
                del lane[entry]
                self._capacity.give_back(1, entry.message.size)

    async def _work(self, producer: Producer, place: Place) -> None:
        """Write what waits in a lane until nothing does."""
        lane = self._lanes[place]
        with exit_on_error("collect"):
            try:
                while lane:
                    await self._write(producer, place, _first_of(lane))
            finally:
                del self._working[place]
                if not lane:
                    del self._lanes[place]

    async def _write(self, producer: Producer, place: Place, batch: Sequence[_Entry]) -> None:
        acknowledged = False
        self._begun[place] = self._clock()
        try:
            await producer.send({place: [entry.message for entry in batch]})
            acknowledged = True
            self.refusal = ""
        except ProduceError as error:
            self.refusal = str(error)
            if times := self._sampler.count(place):
                log.warning("Kafka does not take touchpoints that were sent", times=times, cause=str(error))
        finally:
            del self._begun[place]
            self._capacity.give_back(len(batch), sum(entry.message.size for entry in batch))
            for entry in batch:
                entry.request.note(entry.index, acknowledged=acknowledged)


def _first_of(lane: OrderedDict[_Entry, None]) -> list[_Entry]:
    """Take the first entries out of a lane: as many as make a batch, at least one."""
    batch: list[_Entry] = []
    size = 0
    while lane and len(batch) < BATCH_MESSAGES and size < BATCH_BYTES:
        entry, _ = lane.popitem(last=False)
        batch.append(entry)
        size += entry.message.size
    return batch
