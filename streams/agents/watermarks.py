"""WATERMARKS: appends how far all have come to every partition of the journeys log, as a tick.

A tick has the least of all INGEST tasks' watermarks, and the least of all partitions' times, the settled time. The
watermark moves the partitions, and their times, as JOURNEYS reports them, move the settled time. That moves nothing
more: so where no watermark moves, ticks end.

One worker does it for all, the one that has partition 0 of `journeys.watermarks.v1`: were every task to write to every
partition, an idle installation would write the square of its partitions a second. What is reported stays true, so the
next owner reads the topic from its beginning, and two of them at a time do no harm.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import faust

from schemas import journey_log
from schemas.errors import NOT_READ, TouchlineError
from schemas.journey_log import Tick
from schemas.topics import JOURNEYS_LOG, WATERMARKS
from schemas.watermarks import LinksDecided, PseudonymKey, Report, TaskWatermark, decode
from streams.agents.services import Services
from streams.kafka.consumer import chunks_of, topic
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Message
from streams.kafka.reader import read_to_end
from streams.runtime.exit import exit_on_error
from streams.settings import Settings

STAGE = "watermarks"
UNDECIDED_MAX = 1_000
"""Watermarks that wait until their links are decided."""

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


@dataclass
class _Reached:
    """What has been reported: watermarks by task and times by partition of the log, ms, and how far links are.

    Attributes:
        read: the partitions' own times by partition, ms.
        links_ends: where the links end that a task has written, or a partition.
        links_decided: where those end that IDENTITY has read, -1 as long as this epoch's log was not told of them.
    """

    watermarks: dict[int, int] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    read: dict[int, int] = field(default_factory=dict)
    links_ends: dict[tuple[type[Report], int], int] = field(default_factory=dict)
    links_decided: int = -1


class Watermarks:
    """What tasks and partitions report, from the assignment of its partition until the revocation.

    Args:
        services: write, tell the settings, wait.
        history: returns what the partition holds already; by default it asks Kafka.
    """

    def __init__(self, services: Services, history: History | None = None) -> None:
        self._services = services
        self._history = history or partial(_read_from_kafka, services.settings)
        self._reached: _Reached | None = None
        self._last = Tick(0)
        self._undecided: deque[tuple[int, int]] = deque()

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Take the reports as they come, and append ticks."""
        ticking = asyncio.create_task(self._tick_for_ever(), name=STAGE)
        try:
            async for chunk in chunks:
                await self.receive(chunk)
        finally:
            ticking.cancel()

    async def receive(self, chunk: Chunk) -> None:
        """Take a chunk's reports.

        Raises:
            WatermarkError: a record cannot be read.
        """
        if self._reached is None:
            reached = _Reached()
            async for records in self._history():
                self._take(records, reached)
            if not chunk.current:
                return
            self._reached = reached
        self._take(chunk.records, self._reached)
        chunk.ack()

    def close(self) -> None:
        """Forget the reports: the partition may no longer be ours."""
        self._reached = None

    async def tick(self) -> None:
        """Append a tick to every partition, where the least of all watermarks or of all times has moved."""
        partitions, reached, last = self._services.settings.partitions, self._reached, self._last
        if reached is None:
            return
        tick = Tick(
            max(last.watermark, _least(reached.watermarks, partitions)),
            max(last.settled, _least(reached.times, partitions)),
            max(last.decided, self._decided(reached)),
        )
        if tick != last:
            message = Message(None, journey_log.encode(tick))
            await self._services.producer.send({(JOURNEYS_LOG, number): [message] for number in range(partitions)})
            self._last = tick

    def _decided(self, reached: _Reached) -> int:
        """Return the last watermark, ms, up to which IDENTITY has read all links, 0 before one.

        The partitions write links, too, of what they have read up to their own time.
        """
        settings = self._services.settings
        watermark = _least(reached.watermarks, settings.partitions)
        if settings.subject_kinds:
            watermark = min(watermark, _least(reached.read, settings.partitions))
        needed, undecided = max(reached.links_ends.values(), default=0), self._undecided
        if undecided and undecided[-1][0] == needed:
            undecided.pop()
        undecided.append((needed, watermark))
        if len(undecided) > UNDECIDED_MAX:
            # The time then stands a little longer before it goes on.
            del undecided[0]
        decided = 0
        while undecided and undecided[0][0] <= reached.links_decided:
            decided = undecided.popleft()[1]
        return decided

    async def _tick_for_ever(self) -> None:
        with exit_on_error(STAGE):
            while True:
                await self.tick()
                await self._services.sleep(self._services.settings.tick_s)

    def _take(self, records: Iterable[Record], reached: _Reached) -> None:
        settings = self._services.settings
        for record in records:
            found = read_report(record)
            if found.epoch != settings.epoch or isinstance(found, PseudonymKey):
                continue
            if isinstance(found, LinksDecided):
                reached.links_decided = max(reached.links_decided, found.end)
            elif isinstance(found, TaskWatermark):
                _raise(reached.watermarks, found.task, found.watermark, settings.partitions)
                _raise_end(reached, found, found.task, found.links_end)
            else:
                _raise(reached.times, found.partition, found.time, settings.partitions)
                _raise(reached.read, found.partition, found.read, settings.partitions)
                _raise_end(reached, found, found.partition, found.links_end)


async def tasks_watermarks(settings: Settings, history: History | None = None) -> dict[int, int]:
    """Return the greatest watermark that each task of this epoch has reported, ms, by its number.

    Args:
        settings: tell the epoch.
        history: returns what the partition holds; by default it asks Kafka.

    Raises:
        WatermarkError: a record cannot be read.
    """
    reached: dict[int, int] = {}
    async for records in history() if history is not None else _read_from_kafka(settings):
        for found in map(read_report, records):
            if isinstance(found, TaskWatermark) and found.epoch == settings.epoch:
                _raise(reached, found.task, found.watermark, settings.partitions)
    return reached


async def _read_from_kafka(settings: Settings) -> AsyncIterator[Sequence[Record]]:
    async for run in read_to_end(settings, WATERMARKS, [0]):
        yield run.records


def read_report(record: Record) -> Report:
    """Return the report in a record.

    Raises:
        WatermarkError: it cannot be read.
    """
    try:
        found: Report = decode(record.value or b"")
    except NOT_READ as error:
        raise WatermarkError(
            f"{WATERMARKS}, offset {record.offset}, is no watermark of this release ({error}): another "
            f"release or program has written to it. Delete the topic while no worker runs, and create it anew "
            "with: touchline topics --create"
        ) from error
    return found


def _raise(known: dict[int, int], number: int, reached: int, count: int) -> None:
    """Note what one of `count` tasks or partitions has reached; others were there before they became fewer."""
    if number < count:
        known[number] = max(reached, known.get(number, 0))


def _raise_end(reached: _Reached, report: Report, number: int, end: int) -> None:
    """Note where the links end that one has written."""
    key = type(report), number
    reached.links_ends[key] = max(end, reached.links_ends.get(key, 0))


def _least(reached: Mapping[int, int], count: int) -> int:
    """Return the least of what `count` tasks or partitions have reached, ms; 0 before all of them are known."""
    return min(reached.values()) if len(reached) == count else 0
