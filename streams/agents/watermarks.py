"""WATERMARKS: appends the least of all tasks' watermarks to every partition of the journeys log, as a tick.

One worker does it for all, the one that has partition 0 of `journeys.watermarks.v1`: were every task to write to every
partition, an idle installation would write the square of its partitions a second. What a task reports stays true, so
the next owner reads the topic from its beginning, and two of them at a time do no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import faust

from schemas import journey_log
from schemas.errors import NOT_READ, TouchlineError
from schemas.journey_log import Tick
from schemas.topics import JOURNEYS_LOG, WATERMARKS
from schemas.watermarks import decode
from streams.agents.services import Services
from streams.kafka.consumer import chunks_of, topic
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Message
from streams.kafka.reader import read_to_end
from streams.runtime.exit import exit_on_error

STAGE = "watermarks"

History = Callable[[], AsyncIterator[Sequence[Record]]]


class WatermarkError(TouchlineError):
    """A record of `journeys.watermarks.v1` cannot be read."""


def register(app: faust.App, services: Services) -> None:
    """Add the agent to an app."""
    watermarks = Watermarks(services)

    @app.agent(topic(app, [WATERMARKS]), name=STAGE)
    async def run(stream: faust.StreamT[object]) -> None:
        with exit_on_error(STAGE):
            await watermarks.run(chunks_of(stream))

    async def close(*_: object, **__: object) -> None:
        watermarks.close()

    app.on_partitions_revoked.connect(close, weak=False)


class Watermarks:
    """The tasks' watermarks, from the assignment of their partition until its revocation.

    Args:
        services: write, tell the settings, wait.
        history: returns what the partition holds already; by default it asks Kafka.
    """

    def __init__(self, services: Services, history: History | None = None) -> None:
        self._services = services
        self._history = history or self._read_from_kafka
        self._reached: dict[int, int] | None = None
        self._last_tick = 0

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Take the tasks' watermarks as they come, and append ticks."""
        ticking = asyncio.create_task(self._tick_for_ever(), name=STAGE)
        try:
            async for chunk in chunks:
                await self.receive(chunk)
        finally:
            ticking.cancel()

    async def receive(self, chunk: Chunk) -> None:
        """Take a chunk's watermarks.

        Raises:
            WatermarkError: a record cannot be read.
        """
        if self._reached is None:
            reached: dict[int, int] = {}
            async for records in self._history():
                self._take(records, reached)
            if not chunk.current:
                return
            self._reached = reached
        self._take(chunk.records, self._reached)
        chunk.ack()

    def close(self) -> None:
        """Forget the watermarks: the partition may no longer be ours."""
        self._reached = None

    async def tick(self) -> None:
        """Append the least of all watermarks to every partition, where it has moved and all tasks are known."""
        partitions, reached = self._services.settings.partitions, self._reached
        if reached is None or len(reached) < partitions:
            return
        least = min(reached.values())
        if least > self._last_tick:
            tick = Message(None, journey_log.encode(Tick(least)))
            await self._services.producer.send({(JOURNEYS_LOG, number): [tick] for number in range(partitions)})
            self._last_tick = least

    async def _tick_for_ever(self) -> None:
        with exit_on_error(STAGE):
            while True:
                await self.tick()
                await self._services.sleep(self._services.settings.tick_s)

    def _take(self, records: Iterable[Record], reached: dict[int, int]) -> None:
        settings = self._services.settings
        for record in records:
            try:
                found = decode(record.value or b"")
            except NOT_READ as error:
                raise WatermarkError(
                    f"{WATERMARKS}, offset {record.offset}, is no watermark of this release ({error}): another "
                    f"release or program has written to it. Delete the topic while no worker runs, and create it anew "
                    "with: touchline topics --create"
                ) from error
            if found.epoch == settings.epoch and found.task < settings.partitions:
                reached[found.task] = max(found.watermark, reached.get(found.task, 0))

    async def _read_from_kafka(self) -> AsyncIterator[Sequence[Record]]:
        async for run in read_to_end(self._services.settings, WATERMARKS, [0]):
            yield run.records
