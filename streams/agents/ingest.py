"""INGEST: the agent over the input topics. A chunk is received, validated, merged, written and acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import faust
import structlog

from schemas.avro.codec import Codec
from schemas.avro.registry import open_registry
from schemas.pauses import decode_request
from schemas.topics import JOURNEYS_LOG, RESUME_REQUESTS, WATERMARKS
from schemas.watermarks import encode
from streams.agents.erasures import Records, follow_erasures
from streams.agents.identities import identities_of, open_identities
from streams.agents.learning import Unknown
from streams.agents.merging import IngestTask, ReceivedChunk
from streams.agents.pausing import Inputs, Place
from streams.agents.services import Services
from streams.agents.stating import Stating
from streams.agents.unknown_fields import UnknownFields
from streams.agents.validation import STAGE, Validator
from streams.agents.watermarks import History, tasks_watermarks
from streams.identity.statements import Statements
from streams.identity.subjects import SubjectStatements
from streams.kafka.consumer import chunks_of, consumer_of, topic
from streams.kafka.offsets import Chunk
from streams.kafka.producer import Message
from streams.runtime.exit import exit_on_error

MAX_POLL_S = 0.25

log = structlog.get_logger(__name__)


def register(app: faust.App, services: Services) -> None:
    """Add the agent to an app."""
    settings = services.settings
    codec = Codec(
        open_registry(settings.schema_registry),
        UnknownFields(services.telemetry, show_names=not settings.has_pseudonyms).note,
    )
    ingest = Ingest(services, open_validator(services, codec), _AppInputs(app))

    @app.agent(topic(app, settings.inputs), name=STAGE)
    async def run(stream: faust.StreamT[Any]) -> None:
        with exit_on_error(STAGE):
            await ingest.run(chunks_of(stream))

    @app.agent(topic(app, [RESUME_REQUESTS]), name="resume")
    async def obey(stream: faust.StreamT[Any]) -> None:
        with exit_on_error(STAGE):
            async for chunk in chunks_of(stream):
                await ingest.obey(chunk)

    async def close_tasks(*_: Any, **__: Any) -> None:
        ingest.close_tasks()

    # Not at the assignment: chunks of it may already be here when Faust tells of it.
    app.on_partitions_revoked.connect(close_tasks, weak=False)


def open_validator(services: Services, codec: Codec) -> Validator:
    """Return what validates messages by the settings."""
    settings = services.settings
    scorer, finder = settings.scorer_for(settings.company_names), settings.topic_finder()
    return Validator(services, codec, scorer, open_identities(services), finder)


class Ingest:
    """The INGEST tasks of a worker: those whose log partitions it has.

    Task p reads the partitions q of the input topics with q mod `TOUCHLINE_PARTITIONS` = p.

    Every method raises errors that are not the fault of a message. The worker must stop then, with
    nothing acknowledged.

    Args:
        services: write, count, tell the time, wait.
        validator: decodes and validates messages.
        inputs: the consumer that the chunks come from.
        news: the records of who is erased, as they come; by default they are read from Kafka.
        history: returns what `journeys.watermarks.v1` holds; by default it asks Kafka.
    """

    def __init__(
        self,
        services: Services,
        validator: Validator,
        inputs: Inputs,
        news: Records | None = None,
        history: History | None = None,
    ) -> None:
        self._news = news
        self._history = history
        settings = services.settings
        self._services = services
        self._validator = validator
        self._inputs = inputs
        # What it ignores is counted where the touchpoint is validated.
        identities = identities_of(settings)
        subjects = SubjectStatements(identities.subjects)
        self._stating = Stating(Statements(identities), subjects, settings.partitions)
        self._tasks: dict[int, IngestTask] = {}
        self._group: asyncio.TaskGroup | None = None
        # Chunks of an input that is taken up are validated before the next one that comes in. Tasks begin one by one.
        self._receiving = asyncio.Lock()

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Receive chunks, and write what they give and the watermarks, until there are no more chunks."""
        settings = self._services.settings
        # Silence of an input counts only while its task is asked often enough.
        poll_s = min(MAX_POLL_S, settings.idle_s / 4)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                periodic = [
                    group.create_task(self._follow_erasures()),
                    group.create_task(self._every(settings.tick_s, self.report)),
                    group.create_task(self._every(poll_s, self.wake_tasks)),
                ]
                async for chunk in chunks:
                    await self.receive(chunk)
                for task in periodic:
                    task.cancel()
                self.close_tasks()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        finally:
            self._group = None
            self._tasks.clear()

    async def _follow_erasures(self) -> None:
        # Links that were stated before may be forgotten: they have to be stated anew by what comes.
        await follow_erasures(self._services, self._stating.forget_all, self._news)

    async def receive(self, chunk: Chunk) -> None:
        """Validate a chunk, and add it to its task, which writes and acknowledges it; or keep it for later."""
        self._services.telemetry.messages_received.labels(chunk.topic).inc(len(chunk.records))
        async with self._receiving:
            if self._task(chunk.place) is None:
                # All that lack: each beginning reads the watermarks.
                await self._begin_tasks({chunk.partition % self._services.settings.partitions, *self._lacking()})
            self._take(chunk)
        await asyncio.sleep(0)  # without it, chunks that wait already would keep the loop from all else

    def _take(self, chunk: Chunk) -> None:
        """Validate a chunk, or keep it where its input is paused or waits for a schema."""
        if not chunk.current:
            return
        place = chunk.place
        task = self._task(place)
        if task is None:
            self._leave(chunk)
        elif place in task.pausing:
            task.pausing.keep(chunk)
        elif place in task.waiting:
            task.waiting[place].append(chunk)
        elif schemas := self._validator.schemas.new_schemas(chunk):
            task.wait_for(place, self._learn(task, chunk, schemas))
        else:
            self._validate(task, chunk, {})

    def _leave(self, chunk: Chunk) -> None:
        """Leave a chunk unacknowledged, as its task is another worker's: it is read again after the next rebalance."""
        log.warning(
            "an input partition waits, as its task is another worker's: do all workers have the same release and the "
            "same TOUCHLINE_TOPICS?",
            topic=chunk.topic,
            partition=chunk.partition,
            offset=chunk.first_offset,
        )

    def _validate(self, task: IngestTask, chunk: Chunk, unknown: Unknown) -> None:
        received = ReceivedChunk(chunk, self._services.clock())
        task.add(received, self._validator.validate(chunk, unknown, task.refused_in_a_row[chunk.place]))

    async def _learn(self, task: IngestTask, chunk: Chunk, schemas: dict[bytes, bytes]) -> None:
        """Learn the schemas that a chunk names, then validate it and what was kept of its input."""
        unknown = await self._validator.schemas.learn(chunk, schemas)
        async with self._receiving:
            if task.closed or not chunk.current:
                return
            kept = task.go_on(chunk.place)
            self._validate(task, chunk, unknown)
            for behind in kept:
                self._take(behind)

    async def obey(self, chunk: Chunk) -> None:
        """Take up the inputs that the requests in a chunk name, where they are paused; acknowledge the chunk."""
        for record in chunk.records:
            request = decode_request(record.value)
            if request is None or request.topic not in self._services.settings.inputs:
                log.warning("a request that is none is passed over", topic=chunk.topic, offset=record.offset)
            else:
                partition = chunk.partition if request.partition is None else request.partition
                await self.take_up((request.topic, partition), "a person asked for it")
        chunk.ack()

    async def take_up(self, place: Place, why: str) -> None:
        """Validate what was kept of a paused input, and read on, unless that is too much again."""
        async with self._receiving:
            task = self._tasks.get(place[1] % self._services.settings.partitions)
            if task is None or place not in task.pausing:
                return
            kept = task.take_up(place, why)
            for chunk in kept:
                self._take(chunk)
            if place not in task.pausing:
                self._inputs.resume(*place)

    def _task(self, place: Place) -> IngestTask | None:
        """Return the task of an input; None before it begins, and where its log partition is not ours.

        A chunk of the next assignment may be here before Faust tells of the rebalance.
        """
        task = self._tasks.get(place[1] % self._services.settings.partitions)
        return None if task is None or task.revoked or place not in task.refused_in_a_row else task

    def _lacking(self) -> set[int]:
        """Return the numbers of the tasks that are to begin: their log partitions are ours."""
        ours, known = self._inputs.assigned(JOURNEYS_LOG), self._tasks
        return {number for number in ours if number not in known or known[number].revoked}

    async def _begin_tasks(self, numbers: Iterable[int]) -> None:
        """Begin those of some tasks anew whose log partitions are ours, with the time that each had reached before.

        What is late is told by that time. The lock is the caller's.
        """
        for number in numbers:
            self._close(number)
        if self._inputs.assigned(JOURNEYS_LOG).isdisjoint(numbers):
            return
        reached = await tasks_watermarks(self._services.settings, self._history)
        for number in self._inputs.assigned(JOURNEYS_LOG).intersection(numbers):
            task = IngestTask(number, self._services, self._inputs, self._stating, reached.get(number, 0))
            self._tasks[number] = task
            if self._group is not None:
                task.start(self._group)

    async def wake_tasks(self) -> None:
        """Begin the tasks whose log partitions are ours; wake all, as time may have freed something; end pauses."""
        async with self._receiving:
            await self._begin_tasks(self._lacking())
        for task in list(self._tasks.values()):
            task.wake()
            for due in task.pausing.due():
                await self.take_up(due, "its pause is over")

    async def report(self) -> None:
        """Write the watermarks of the tasks, where they have moved, in one go."""
        asked = await asyncio.gather(*(task.new_watermark() for task in list(self._tasks.values())))
        messages = [Message(found.key, encode(found)) for found in asked if found is not None]
        if messages:
            await self._services.producer.send({(WATERMARKS, 0): messages})

    def close_tasks(self) -> None:
        """Close all tasks: the next owners of their partitions read unacknowledged chunks again."""
        for number in list(self._tasks):
            self._close(number)

    def _close(self, number: int) -> None:
        task = self._tasks.pop(number, None)
        if task is not None:
            task.close()

    async def _every(self, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
        while True:
            await do()
            await self._services.sleep(seconds)


@dataclass(frozen=True)
class _AppInputs:
    """The app's consumer, which Faust makes only when the app starts."""

    app: faust.App

    def caught_up(self, topic: str, partition: int) -> bool:
        return consumer_of(self.app).caught_up(topic, partition)

    def assigned(self, topic: str) -> set[int]:
        return consumer_of(self.app).assigned(topic)

    def pause(self, topic: str, partition: int, note: str) -> None:
        consumer_of(self.app).pause(topic, partition, note)

    def resume(self, topic: str, partition: int) -> None:
        consumer_of(self.app).resume(topic, partition)
