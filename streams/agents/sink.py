"""SINK: facts and dead letters in, large blocks for ClickHouse out.

Rows are gathered while a block is being written, so that slow inserts make larger blocks, not a queue.
A chunk is acknowledged when every row in it is stored. While ClickHouse is away the same block is
tried again for as long as it takes; reading stops by itself, for nothing is acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, cast

import faust
import structlog

from schemas.rows import TouchpointRow
from schemas.topics import DEAD_LETTERS, FACTS_TOPICS
from sinks.tables import Row
from sinks.writer import Batch, TransientWriteError, Writer
from streams.agents.dead_letters import row_of
from streams.agents.services import Services
from streams.kafka.consumer import chunks_of, topic
from streams.kafka.offsets import Chunk
from streams.runtime.exit import exit_on_error
from streams.runtime.telemetry import Telemetry

STAGE = "sink"
YIELD_EVERY_ROWS = 2000
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 15.0
SAY_EVERY_S = 60.0
_OCCURRED_AT = TouchpointRow.__struct_fields__.index("occurred_at")

log = structlog.get_logger(__name__)


def register(app: faust.App, services: Services, writer: Writer) -> None:
    """Add the agent to an app."""
    sink = Sink(services, writer)

    @app.agent(topic(app, [*FACTS_TOPICS, DEAD_LETTERS]), name=STAGE)
    async def run(stream: faust.StreamT[Any]) -> None:
        with exit_on_error(STAGE):
            await sink.run(stream)


class Gathered:
    """Rows on their way into one block, and the chunks they came in."""

    def __init__(self) -> None:
        self.batch = Batch()
        self.chunks: list[Chunk] = []
        self.began = time.monotonic()


class Sink:
    """Gathers rows, and writes a block when it is large or old enough."""

    def __init__(
        self,
        services: Services,
        writer: Writer,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = services.settings
        self._telemetry = services.telemetry
        # A batch only writes.
        self._writer = cast(Writer, _Measured(writer, services.telemetry))
        self._sleep = sleep
        # One thread: a writer does one thing at a time. An insert that is cancelled by a rebalance
        # runs on there; its rows are stored once more by their next owner, as the same rows.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="insert")
        self._gathered = Gathered()
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        # Held while a chunk's rows go into a block: a block holds chunks whole.
        self._filling = asyncio.Lock()

    async def run(self, stream: faust.StreamT[Any]) -> None:
        """Take chunks until cancelled; what is not stored by then is not acknowledged."""
        self._gathered = Gathered()
        writing = asyncio.create_task(self._write_blocks(), name="sink-blocks")
        try:
            async for chunk in chunks_of(stream):
                await self.take(chunk)
        finally:
            writing.cancel()

    async def take(self, chunk: Chunk) -> None:
        """Gather the rows of a chunk; wait first while there is a full block already.

        Raises:
            PermanentWriteError: a message does not hold rows of its table.
        """
        while len(self._gathered.batch) >= self._settings.batch_rows:
            self._room.clear()
            await self._room.wait()
        async with self._filling:
            gathered = self._gathered
            if not gathered.chunks:
                gathered.began = time.monotonic()
            await self._decode(chunk, gathered.batch)
            gathered.chunks.append(chunk)
        self._more.set()

    async def _decode(self, chunk: Chunk, batch: Batch) -> None:
        rows = 0
        table = FACTS_TOPICS.get(chunk.topic)
        for record in chunk.records:
            if table is None:
                batch.add_row("dead_letters", row_of(record, chunk.partition, self._settings.epoch))
                rows += 1
            else:
                rows += batch.add_message(table, record.value or b"")
            if rows >= YIELD_EVERY_ROWS:
                rows = 0
                await asyncio.sleep(0)

    async def _write_blocks(self) -> None:
        with exit_on_error(STAGE):
            while True:
                await self._until_due()
                async with self._filling:
                    gathered, self._gathered = self._gathered, Gathered()
                self._room.set()
                await self._store(gathered)

    async def _until_due(self) -> None:
        while not self._gathered.chunks:
            self._more.clear()
            await self._more.wait()
        gathered = self._gathered
        while len(gathered.batch) < self._settings.batch_rows:
            left = gathered.began + self._settings.batch_s - time.monotonic()
            if left <= 0:
                return
            self._more.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), left)

    async def _store(self, gathered: Gathered) -> None:
        times = [int(str(row[_OCCURRED_AT])) for row in gathered.batch.rows("touchpoints")]
        await self._until_written(gathered.batch)
        for chunk in gathered.chunks:
            chunk.ack()
        now = time.time()
        self._telemetry.chunk_duration.labels(STAGE).observe(time.monotonic() - gathered.began)
        self._telemetry.touchpoints_processed.labels(STAGE).inc(len(times))
        self._telemetry.last_success.labels(STAGE).set(now)
        if times:
            self._telemetry.event_time_lag.labels(STAGE).set(now - max(times) / 1000)

    async def _until_written(self, batch: Batch) -> None:
        wait, said = FIRST_WAIT_S, 0.0
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, batch.flush, self._writer)
            except TransientWriteError as error:
                self._telemetry.retries.labels("insert").inc()
                if not said or time.monotonic() - said > SAY_EVERY_S:
                    said = time.monotonic()
                    log.warning("ClickHouse takes no rows; trying until it does", cause=str(error))
            else:
                if said:
                    log.info("ClickHouse takes rows again")
                return
            await self._sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)


class _Measured:
    """A writer whose inserts are counted and timed."""

    def __init__(self, writer: Writer, telemetry: Telemetry) -> None:
        self._writer = writer
        self._telemetry = telemetry

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Write as the writer does."""
        began = time.monotonic()
        self._writer.write(table, rows)
        self._telemetry.insert_duration.labels(table).observe(time.monotonic() - began)
        self._telemetry.inserted_rows.labels(table).inc(len(rows))
