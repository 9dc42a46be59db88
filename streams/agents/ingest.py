"""INGEST: the agent over the input topics. A chunk is received, validated, merged, written and acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import faust
import structlog

from schemas.avro.codec import Codec
from schemas.avro.registry import open_registry
from schemas.pauses import decode_request
from schemas.topics import RESUME_REQUESTS, TOPIC_KINDS, WATERMARKS
from schemas.watermarks import encode
from streams.agents.identities import open_identities
from streams.agents.learning import Unknown
from streams.agents.merging import IngestTask, ReceivedChunk
from streams.agents.pausing import Inputs
from streams.agents.services import Services
from streams.agents.unknown_fields import UnknownFields
from streams.agents.validation import STAGE, Validator
from streams.kafka.consumer import chunks_of, consumer_of, topic
from streams.kafka.offsets import Chunk
from streams.kafka.producer import Message
from streams.runtime.exit import exit_on_error
from streams.sentiment import VaderScorer

MAX_POLL_S = 0.25

log = structlog.get_logger(__name__)


def register(app: faust.App, services: Services) -> None:
    """Add the agent to an app."""
    settings = services.settings
    codec = Codec(open_registry(settings.schema_registry), UnknownFields(services.telemetry).note)
    validator = Validator(services, codec, VaderScorer(settings.company_names), open_identities(services))
    ingest = Ingest(services, validator, _AppInputs(app))

    @app.agent(topic(app, TOPIC_KINDS), name=STAGE)
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


class Ingest:
    """The INGEST tasks of a worker: task p reads partition p of every input topic.

    Every method raises errors that are not the fault of a message. The worker must stop then, with
    nothing acknowledged.

    Args:
        services: write, count, tell the time, wait.
        validator: decodes and validates messages.
        inputs: the consumer that the chunks come from.
    """

    def __init__(self, services: Services, validator: Validator, inputs: Inputs) -> None:
        self._services = services
        self._validator = validator
        self._inputs = inputs
        self._tasks: dict[int, IngestTask] = {}
        self._group: asyncio.TaskGroup | None = None
        # Chunks of an input that is taken up are validated before the next one that comes in.
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

    async def receive(self, chunk: Chunk) -> None:
        """Validate a chunk, and add it to its task, which writes and acknowledges it; or keep it for later."""
        self._services.telemetry.messages_received.labels(chunk.topic).inc(len(chunk.records))
        async with self._receiving:
            if chunk.current:
                self._take(chunk)
        await asyncio.sleep(0)  # without it, chunks that wait already would keep the loop from all else

    def _take(self, chunk: Chunk) -> None:
        """Validate a chunk, or keep it where its input is paused or waits for a schema."""
        task = self._task(chunk.partition)
        if chunk.topic in task.pausing:
            task.pausing.keep(chunk)
        elif chunk.topic in task.waiting:
            task.waiting[chunk.topic].append(chunk)
        elif schemas := self._validator.schemas.new_schemas(chunk):
            task.wait_for(chunk.topic, self._learn(task, chunk, schemas))
        else:
            self._validate(task, chunk, {})

    def _validate(self, task: IngestTask, chunk: Chunk, unknown: Unknown) -> None:
        received = ReceivedChunk(chunk, self._services.clock())
        task.add(received, self._validator.validate(chunk, unknown, task.refused_in_a_row[chunk.topic]))

    async def _learn(self, task: IngestTask, chunk: Chunk, schemas: dict[bytes, bytes]) -> None:
        """Learn the schemas that a chunk names, then validate it and what was kept of its input."""
        unknown = await self._validator.schemas.learn(chunk, schemas)
        async with self._receiving:
            if task.closed or not chunk.current:
                return
            kept = task.go_on(chunk.topic)
            self._validate(task, chunk, unknown)
            for behind in kept:
                self._take(behind)

    async def obey(self, chunk: Chunk) -> None:
        """Take up the inputs that the requests in a chunk name, where they are paused; acknowledge the chunk."""
        for record in chunk.records:
            request = decode_request(record.value)
            if request is None:
                log.warning("a request that is none is passed over", topic=chunk.topic, offset=record.offset)
            else:
                await self.take_up(request.topic, chunk.partition, "a person asked for it")
        chunk.ack()

    async def take_up(self, topic: str, partition: int, why: str) -> None:
        """Validate what was kept of a paused input, and read on, unless that is too much again."""
        async with self._receiving:
            task = self._tasks.get(partition)
            if task is None or topic not in task.pausing:
                return
            kept = task.take_up(topic, why)
            for chunk in kept:
                self._take(chunk)
            if topic not in task.pausing:
                self._inputs.resume(topic, partition)

    def _task(self, number: int) -> IngestTask:
        task = self._tasks.get(number)
        if task is not None and task.revoked:
            # A chunk of the next assignment may be here before Faust tells of the rebalance.
            self._tasks.pop(number).close()
            task = None
        if task is None:
            task = self._tasks[number] = IngestTask(number, self._services, self._inputs)
            if self._group is not None:
                task.start(self._group)
        return task

    async def wake_tasks(self) -> None:
        """Begin the tasks whose partitions are all ours; wake all, as time may have freed something; end pauses."""
        for number in set.intersection(*(self._inputs.assigned(name) for name in TOPIC_KINDS)):
            self._task(number).wake()
        for number, task in list(self._tasks.items()):
            for due in task.pausing.due():
                await self.take_up(due, number, "its pause is over")

    async def report(self) -> None:
        """Write the watermarks of the tasks, where they have moved, in one go."""
        asked = await asyncio.gather(*(task.new_watermark() for task in list(self._tasks.values())))
        messages = [Message(found.key, encode(found)) for found in asked if found is not None]
        if messages:
            await self._services.producer.send({(WATERMARKS, 0): messages})

    def close_tasks(self) -> None:
        """Close all tasks: the next owners of their partitions read unacknowledged chunks again."""
        for number in list(self._tasks):
            self._tasks.pop(number).close()

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
