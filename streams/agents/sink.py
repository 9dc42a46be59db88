"""SINK: reads facts and dead letters, and writes them to ClickHouse in large blocks.

Rows are gathered while a block is being written, so that slow inserts make larger blocks, not a queue.
A chunk is acknowledged when every row in it is stored. While ClickHouse is away the same block is
tried again for as long as it takes; reading stops meanwhile, since nothing is acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import faust
import structlog

from schemas.dead_letters import refusal_of, row_of
from schemas.erasures import ERASED, ErasedRows, decode_rows
from schemas.errors import NOT_READ, Stage
from schemas.rows import TouchpointRow
from schemas.topics import DEAD_LETTERS, FACTS_TOPICS
from sinks.batch import Batch
from sinks.database import Database
from sinks.erasing import LateRows
from sinks.errors import PermanentWriteError, TransientWriteError
from sinks.tables import Row
from sinks.writer import Writer
from streams.agents.erased_rows import RowsEraser
from streams.agents.reconciling import Reconciliation
from streams.agents.services import Services
from streams.kafka.consumer import chunks_of, topic
from streams.kafka.offsets import Chunk, Record
from streams.runtime.exit import exit_on_error
from streams.runtime.logging import Sampler
from streams.runtime.retry import Backoff, Failure, retry
from streams.runtime.telemetry import Telemetry
from streams.runtime.thread import DaemonThread

STAGE: Stage = "sink"
YIELD_EVERY_ROWS = 2000
INSERT_BACKOFF = Backoff(first_s=0.5, longest_s=15.0)
LOG_EVERY_S = 60.0
SLOW_S = 30.0
"""An insert that has no answer by then is taken for a wait."""
_OCCURRED_AT = TouchpointRow.__struct_fields__.index("occurred_at")

log = structlog.get_logger(__name__)


def register(app: faust.App, services: Services, writer: Writer, database: Database | None) -> None:
    """Add the agent to an app; `database` is asked whether rows are missing."""
    sink = Sink(services, writer, database)

    @app.agent(topic(app, [*FACTS_TOPICS, DEAD_LETTERS]), name=STAGE)
    async def run(stream: faust.StreamT[Any]) -> None:
        with exit_on_error(STAGE):
            await sink.run(chunks_of(stream))


class Block:
    """Rows that are to be written together, and the chunks they came in; `began` is monotonic, seconds.

    Attributes:
        erased: by table, which rows of it are to be deleted once those of the block are written.
    """

    def __init__(self) -> None:
        self.batch = Batch()
        self.erased: dict[str, list[ErasedRows]] = {}
        self.chunks: list[Chunk] = []
        self.began = time.monotonic()


class Sink:
    """Gathers rows, and writes a block when it is large or old enough."""

    def __init__(self, services: Services, writer: Writer, database: Database | None = None) -> None:
        self._services = services
        self._reconciliation = Reconciliation(services, database)
        self._eraser = None if database is None else RowsEraser(services.settings, database)
        self._settings = services.settings
        self._telemetry = services.telemetry
        # A batch only writes.
        self._writer = cast(Writer, _Measured(writer, services.telemetry))
        # One thread: a writer makes one call at a time. An insert that a rebalance cancels runs on
        # there; the next owner of its chunks stores the same rows once more. An orderly stop does not
        # wait for it: nothing of it is acknowledged.
        self._thread = DaemonThread("insert")
        self._block = Block()
        self._late = LateRows()
        self._beyond = Sampler()
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        # Held while a chunk's rows go into a block: a block holds chunks whole.
        self._filling = asyncio.Lock()

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Gather and write chunks until cancelled; a chunk that is not stored by then is not acknowledged."""
        self._block = Block()
        writing = asyncio.create_task(self._write_blocks(), name="sink-blocks")
        reconciling = asyncio.create_task(self._reconciliation.run(), name="sink-reconciliation")
        try:
            async for chunk in chunks:
                await self.gather(chunk)
        finally:
            writing.cancel()
            reconciling.cancel()

    async def gather(self, chunk: Chunk) -> None:
        """Add the rows of a chunk to the block; wait first while that is full.

        Raises:
            PermanentWriteError: a message does not hold rows of its table.
        """
        self._reconciliation.see(chunk)
        while len(self._block.batch) >= self._settings.batch_rows:
            self._room.clear()
            await self._room.wait()
        async with self._filling:
            block = self._block
            if not block.chunks:
                block.began = time.monotonic()
            await self._decode(chunk, block)
            block.chunks.append(chunk)
        self._more.set()

    async def _decode(self, chunk: Chunk, block: Block) -> None:
        rows, batch = 0, block.batch
        table = FACTS_TOPICS.get(chunk.topic)
        for record in chunk.records:
            if table is None:
                letter = row_of(record, chunk.partition, self._settings.epoch)
                batch.add_row("dead_letters", letter)
                if (refusal := refusal_of(letter, self._settings.inputs)) is not None:
                    batch.add_row("outcomes", refusal)
                rows += 1
            elif record.key == ERASED:
                block.erased.setdefault(table, []).append(_erased_rows(record))
            else:
                # A key names the table of rows that follow those of the topic.
                named = table if record.key is None else record.key.decode(errors="replace")
                rows += batch.add_message(named, record.value or b"")
            if batch.beyond:
                self._note_beyond(batch)
            if rows >= YIELD_EVERY_ROWS:
                rows = 0
                await asyncio.sleep(0)

    def _note_beyond(self, batch: Batch) -> None:
        """Count and log the numbers that their columns do not hold: workers send none, unless they are at fault."""
        for (table, column), messages in batch.beyond.items():
            self._telemetry.trimmed.labels("columns").inc(messages)
            if count := self._beyond.count((table, column)):
                log.error(
                    "a number is stored as near to what it is as its column holds; please report this",
                    table=table,
                    column=column,
                    messages_since_last_logged=count,
                )
        batch.beyond.clear()

    async def _write_blocks(self) -> None:
        with exit_on_error(STAGE):
            while True:
                await self._until_due()
                async with self._filling:
                    block, self._block = self._block, Block()
                self._room.set()
                await self._store(block)

    async def _until_due(self) -> None:
        while not self._block.chunks:
            self._more.clear()
            await self._more.wait()
        block = self._block
        while len(block.batch) < self._settings.batch_rows:
            left = block.began + self._settings.batch_s - time.monotonic()
            if left <= 0:
                return
            self._more.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), left)

    async def _store(self, block: Block) -> None:
        self._drop_late(block)
        times = [int(str(row[_OCCURRED_AT])) for row in block.batch.rows("touchpoints")]
        await self._until_taken(lambda: block.batch.flush(self._writer))
        for table, messages in block.erased.items():
            await self._erase(table, messages)
        for chunk in block.chunks:
            chunk.ack()
        self._telemetry.record_stage(
            STAGE,
            now_ms=self._services.clock(),
            durations_s=[time.monotonic() - block.began],
            touchpoints=len(times),
            newest_ms=max(times, default=0),
        )

    def _drop_late(self, block: Block) -> None:
        """Drop rows of those who were erased that come after their like were deleted."""
        for table in block.batch.tables:
            if (is_late := self._late.of(table)) is not None:
                block.batch.drop(table, is_late)
        for table, messages in block.erased.items():
            for erased in messages:
                self._late.add(table, erased)

    async def _erase(self, table: str, messages: Sequence[ErasedRows]) -> None:
        """Delete the rows of whoever was erased."""
        eraser = self._eraser
        if eraser is None:
            log.error("rows of somebody who was erased stay: this sink deletes none", table=table)
            return
        await self._until_taken(lambda: eraser.erase(table, messages))

    async def _until_taken(self, work: Callable[[], object]) -> None:
        """Do what ClickHouse takes, however long it is away; log that it is, once a minute."""
        logged_at = 0.0
        standing = self._services.standing

        def note_failure(failure: Failure[TransientWriteError]) -> None:
            nonlocal logged_at
            self._telemetry.retries.labels("insert").inc()
            standing.wait("clickhouse", str(failure.error))
            if not logged_at or time.monotonic() - logged_at > LOG_EVERY_S:
                logged_at = time.monotonic()
                log.warning("ClickHouse takes no rows; trying until it does", cause=str(failure.error))

        loop = asyncio.get_running_loop()
        slow = loop.call_later(SLOW_S, standing.wait, "clickhouse", f"an insert takes longer than {SLOW_S:.0f} s")
        try:
            await retry(
                lambda: self._thread.run(work),
                transient=TransientWriteError,
                backoff=INSERT_BACKOFF,
                on_failure=note_failure,
                sleep=self._services.sleep,
            )
        finally:
            slow.cancel()
            standing.go_on("clickhouse")
        if logged_at:
            log.info("ClickHouse takes rows again")


def _erased_rows(record: Record) -> ErasedRows:
    try:
        found: ErasedRows = decode_rows(record.value or b"")
    except NOT_READ as error:
        raise PermanentWriteError(
            f"offset {record.offset} does not tell which rows are to be deleted ({error}): the workers and the sink "
            "are of different releases. Run one release"
        ) from error
    return found


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
