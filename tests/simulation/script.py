"""A cluster in which a story says what happens: what arrives, who reads how much, and where a worker dies or pauses."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import dropwhile, takewhile
from typing import Any, NamedTuple

from msgspec.structs import replace

from schemas import identity_links, journey_log, watermarks
from schemas.erasures import ERASED
from schemas.identity_links import Command, Erase
from schemas.journey_log import Tick, Touchpoint
from schemas.rows import TABLES, topic_of
from schemas.topics import JOURNEYS_LOG, JOURNEYS_STATE, LINKS, WATERMARKS
from schemas.units import DAY_MS
from schemas.watermarks import TaskWatermark
from sinks.tables import Row
from streams.agents.journeys import PartitionRevokedError
from streams.journeys.partition import CUSTOMER, Partition
from streams.kafka.offsets import OffsetTracker
from streams.kafka.producer import Batches, Ends, Message, partition_for
from streams.settings import Settings
from tests.simulation.broker import BIG, Broker, KilledError, MortalProducer, Place
from tests.simulation.facts import rows_in, tables
from tests.simulation.workers import Worker, restored, start, stating

FACTS, STATE = 0, 1
"""The writes of a chunk of the log, in their order."""
LINKED, REPORTS = (LINKS, 0), (WATERMARKS, 0)
There = Callable[[Message], bool]
"""Tells of a message whether it is written before its worker dies."""


class Scripted(MortalProducer):
    """A producer whose worker dies or pauses at one of its writes."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker, random.Random(0))
        self.broker = broker
        self.there: There = lambda _message: True

    async def send(self, batches: Batches) -> Ends:
        # So that a story counts no writes of nothing.
        return await super().send(batches) if batches else {}

    async def _meet_fate(self, batches: Batches) -> None:
        if self.fate == "killed":
            for place, messages in batches.items():
                self.broker.append(place, list(takewhile(self.there, messages)))
            raise KilledError
        await super()._meet_fate(batches)


class Late(NamedTuple):
    """A worker that is paused in a write, while another has its partitions."""

    producer: MortalProducer
    acting: asyncio.Task[None]
    tracker: OffsetTracker


class Script:
    """One worker at a time on one broker; whoever is paused goes on when the story says so."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.broker = Broker()
        self.worker = self._start()
        self._stating = stating(settings)
        self._links_end = 0

    def _start(self) -> Worker:
        return start(self.settings, self.broker, Scripted(self.broker), lambda worker: worker is self.worker)

    @property
    def logs(self) -> list[Place]:
        """All partitions of the log."""
        return [(JOURNEYS_LOG, number) for number in range(self.settings.partitions)]

    # -- what arrives ----------------------------------------------------------------------------------------------

    def arrive(self, *touchpoints: Touchpoint, watermark: int = 0) -> None:
        """Append touchpoints, and what they state, as INGEST does at a watermark (ms)."""
        late_before = watermark - self.settings.allowed_lateness_days * DAY_MS
        for one in touchpoints:
            for place, message in self._stating.messages_of(one, late_before):
                self.broker.append(place, [message])
                if place == LINKED:
                    self._links_end = len(self.broker.logs[LINKED])
            self.tell(replace(one, watermark=watermark))

    def tell(self, *records: Any) -> None:
        """Append records to the partitions of their stated keys."""
        for record in records:
            key = record.customer_key.encode()
            place = JOURNEYS_LOG, partition_for(key, self.settings.partitions)
            self.broker.append(place, [Message(key, journey_log.encode(record))])

    def order(self, *orders: Command | Erase) -> None:
        """Append what people decide and order."""
        self.broker.append(LINKED, [Message(None, identity_links.encode(one)) for one in orders])

    def reach(self, watermark: int) -> None:
        """Report that all tasks have reached a watermark (ms)."""
        found = [
            TaskWatermark(self.settings.epoch, task, watermark, self._links_end)
            for task in range(self.settings.partitions)
        ]
        self.broker.append(REPORTS, [Message(one.key, watermarks.encode(one)) for one in found])

    def restart_ingest(self) -> None:
        """Forget what was stated lately: it is stated again."""
        self._stating = stating(self.settings)

    # -- who reads it ----------------------------------------------------------------------------------------------

    async def read(self, *places: Place, most: int = BIG) -> None:
        """Let the worker process the next records of partitions as a chunk each, and commit them.

        Args:
            places: by default all of the log and the links, until nothing more comes.
        """
        if not places:
            ours = (*self.logs, LINKED)
            while any(self.broker.chunk(place, 1) for place in ours):
                await self.read(*ours)
        for place in places:
            found = self.broker.chunk(place, most)
            if found is not None:
                chunk, _ = found
                await self._process(place)(chunk)
                assert chunk.acked
                self.broker.committed[place] = chunk.last_offset + 1

    async def dies(self, place: Place, write: int, there: There) -> None:
        """Let the worker die of the next records of a partition in a write, and another take its place.

        Args:
            write: which one; 0 is the first.
            there: tells what of each partition is written, up to the first message that is not.
        """
        producer = self.worker.producer
        assert isinstance(producer, Scripted)
        producer.fate, producer.writes_left, producer.there = "killed", write, there
        with suppress(KilledError):
            await self.read(place)
            raise AssertionError("there was no such write")
        self.worker = self._start()

    async def pauses(self, place: Place, write: int, *, loses: bool = True, most: int = BIG) -> Late:
        """Let the worker be paused in a write; another has its partitions from then on, unless it loses none.

        Args:
            most: of how many of the partition's next records.
        """
        producer = self.worker.producer
        producer.fate, producer.writes_left = "paused", write
        found = self.broker.chunk(place, most)
        assert found is not None
        chunk, tracker = found
        acting = asyncio.create_task(self._process(place)(chunk))
        pausing = asyncio.create_task(producer.paused.wait())
        await asyncio.wait({acting, pausing}, return_when=asyncio.FIRST_COMPLETED)
        assert not acting.done(), "there was no such write"
        if loses:
            self._revoke(tracker)
        return Late(producer, acting, tracker)

    def _revoke(self, tracker: OffsetTracker) -> None:
        tracker.close()
        if tracker.topic == LINKS:
            self.worker.linking.close()
        self.worker = self._start()

    async def goes_on(self, late: Late) -> None:
        """Let a worker that was paused end what it did, and learn that it has lost its partitions."""
        late.producer.woken.set()
        with suppress(PartitionRevokedError):
            await late.acting

    def _process(self, place: Place) -> Callable[[Any], Any]:
        agents = {LINKS: self.worker.linking.receive, WATERMARKS: self.worker.watermarks.receive}
        return agents.get(place[0], self.worker.journeys.process)

    def settle(self, at: int, settled: int | None = None) -> None:
        """Append a tick: all tasks have reached a time, and all partitions that one or another one, ms."""
        tick = Tick(at, at if settled is None else settled, at)
        for place in self.logs:
            self.broker.append(place, [Message(None, journey_log.encode(tick))])

    def restart(self) -> None:
        """Let another worker take the place of this one."""
        self.worker.linking.close()
        self.worker = self._start()

    def compact(self) -> None:
        """Let an hour pass: of each key of the changelogs the last entry stays."""
        for _, number in self.logs:
            self.broker.compact((JOURNEYS_STATE, number))

    async def tick(self, *, but: Sequence[Place] = ()) -> None:
        """Let everybody report how far they are, and read what is appended of it; but for some partitions."""
        for place in (*self.logs, LINKED, *self.logs):
            if place not in but:
                await self.read(place)
        await self.worker.journeys.times.report()
        await self.worker.linking.begin()
        await self.worker.linking.report()
        await self.read(REPORTS)
        await self.worker.watermarks.tick()
        for place in self.logs:
            if place not in but:
                await self.read(place)

    async def pass_to(self, watermark: int, *, but: Sequence[Place] = ()) -> None:
        """Let time go on to a watermark (ms), and what is settled follow it, as far as it can."""
        self.reach(watermark)
        for _ in range(4):
            await self.tick(but=but)

    # -- what is there ---------------------------------------------------------------------------------------------

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows that are shown of a table."""
        columns = TABLES[table].__struct_fields__
        return [dict(zip(columns, row, strict=True)) for row in tables(self.broker).rows(table)]

    def column(self, table: str, name: str) -> list[Any]:
        """Return a column of the rows that are shown of a table."""
        return [row[name] for row in self.rows(table)]

    def metric(self, name: str) -> int:
        """Return how often something was observed."""
        found = [row for row in self.rows("metric_buckets") if (row["metric"], row["dimension"]) == (name, "all")]
        return sum(row["n"] for row in found)

    def counted(self) -> tuple[int, int]:
        """Return how many touchpoints were accepted, and how many were repeats, by the hourly counts."""
        rows = self.rows("hourly_counts")
        return sum(row["accepted"] for row in rows), sum(row["duplicates"] for row in rows)

    def outcomes(self) -> dict[str, int]:
        """Return what has become of the touchpoints that are in no hourly count."""
        return Counter(self.column("outcomes", "outcome"))

    def behind_erased(self, table: str) -> list[Row]:
        """Return the rows of a table that stand behind an order to delete its rows."""
        records = self.broker.logs[topic_of(table), 0]
        behind = dropwhile(lambda record: record.key != ERASED, records)
        return [row for record in behind if record.key != ERASED for row in rows_in(table, record.value or b"")]

    def kept(self) -> set[str]:
        """Return of whom something is kept in the changelogs."""
        return {key for place in self.logs for key in self.restored(place).customers._encoded}

    def named(self) -> set[str]:
        """Return of whom the changelogs have an entry, whether it holds or not."""
        records = [record for _, number in self.logs for record in self.broker.logs[JOURNEYS_STATE, number]]
        return {(one.key or b"")[1:].decode() for one in records if (one.key or b"")[:1] == CUSTOMER and one.value}

    def restored(self, place: Place) -> Partition:
        """Return a partition of the log as its changelog has it."""
        return restored(self.settings, self.broker, place[1])


def before(kind: bytes) -> There:
    """Return what tells that a changelog's entries are written up to the first of a kind that has a value."""
    return lambda message: message.value is None or (message.key or b"")[:1] != kind


def up_to(kind: bytes) -> There:
    """Return what tells that a changelog's entries are written up to the first of a kind, and with it."""
    found: list[Message] = []

    def there(message: Message) -> bool:
        is_there = not found
        if not before(kind)(message):
            found.append(message)
        return is_there

    return there
