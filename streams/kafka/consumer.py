"""Faust in chunks: a transport whose consumer delivers fetched runs of records.

One Faust event carries one `Chunk` of one partition, so Faust's cost of an event is paid once for
thousands of records. Offset trackers (`streams.kafka.offsets`) decide what may be committed: only
`Chunk.ack` moves an offset, never what Faust does (acknowledging when an iteration ends, its gaps).

This subclasses the consumer of the one pinned release of Faust. It replaces:

- `_drain_messages`: Faust drops fetched records of paused partitions, and counts them as read.
- `perform_seek`: aiokafka leaves a partition without a committed offset wherever it is.
- `_new_offset`, `_commit_offsets`: Faust commits past unacknowledged messages, and forgets offsets
  whose commit failed.
- `ack`, `_add_gap`: Faust moves offsets with them.
- `on_partitions_revoked`: acknowledged chunks are committed before their partitions go.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, NamedTuple, cast

from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.errors import ConsumerStoppedError, IllegalStateError
from faust import App, Schema, Stream, StreamT, TopicT
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, ConsumerMessage, Message
from faust.types.transports import ConsumerT
from mode.types import ServiceT
from typing_extensions import override
from yarl import URL

from streams.kafka.fetcher import ChunkThread
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from streams.settings import Settings

POLL_S = 0.25
"""How long one fetch waits; also how soon a resumed partition is fetched from again."""
SHORT_POLL_S = 0.02
"""How long one fetch waits while some partition has no room and may get it at any moment."""
REVOKE_COMMIT_S = 5.0
"""How long a revocation waits for the last commit."""
CHUNKS_AHEAD = 4
"""How many full chunks of a partition may be in flight."""


class Lags(NamedTuple):
    """How far a process is behind.

    Attributes:
        records: by topic, the records of our partitions that are not acknowledged.
        joined: whether we are a member of our group, and know which partitions are ours.
    """

    records: Mapping[str, int]
    joined: bool


class ChunkConsumer(driver.Consumer):
    """Faust's consumer with offset trackers. All of it runs in the app's event loop."""

    _thread: ChunkThread
    transport: ChunkTransport
    mundane_level = "debug"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._trackers: dict[TP, OffsetTracker] = {}
        self._prepared: dict[TP, OffsetTracker] = {}
        self._assigned: defaultdict[str, set[int]] = defaultdict(set)
        self._paused: set[TP] = set()
        self._to_seek: set[TP] = set()
        self._epoch = 0
        self._room = asyncio.Event()

    @override
    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon)

    # -- for agents ------------------------------------------------------------------------------

    def pause(self, topic: str, partition: int, note: str) -> None:
        """Fetch no more of a partition until `resume`; records that are being fetched still come.

        The note is committed with the partition's offset, where everyone who may read the group's offsets sees it.
        """
        self._paused.add(TP(topic, partition))
        self._note(TP(topic, partition), note)

    def resume(self, topic: str, partition: int) -> None:
        """Fetch from a paused partition again, from its position on."""
        self._paused.discard(TP(topic, partition))
        self._note(TP(topic, partition), "")
        self._room.set()

    def _note(self, tp: TP, note: str) -> None:
        # The thread reads it: a dict of its own, that nobody changes.
        self._thread.notes = {**self._thread.notes, tp: note}
        if tp in self._trackers:
            self._trackers[tp].recommit()

    def caught_up(self, topic: str, partition: int) -> bool:
        """Whether agents have all that a partition of ours held when it was last fetched from."""
        tracker = self._trackers.get(TP(topic, partition))
        return tracker is not None and tracker.caught_up

    def assigned(self, topic: str) -> set[int]:
        """Return the partitions of a topic that are ours and being read."""
        return self._assigned.get(topic, set())

    def unacknowledged(self, topic: str, partition: int) -> int | None:
        """Return the offset from which on a partition is not acknowledged; None where it is not ours."""
        tracker = self._trackers.get(TP(topic, partition))
        return None if tracker is None else tracker.unacknowledged

    # -- for the process -------------------------------------------------------------------------

    async def lags(self) -> Lags:
        """Ask Kafka for the ends of our partitions, and return how many records lie before them.

        Raises:
            KafkaError: Kafka refuses us, or does not answer.
        """
        ends = await self._thread.ends()
        records: Counter[str] = Counter()
        for tp, tracker in self._trackers.items():
            if tp in ends.offsets:
                records[tp.topic] += tracker.lag(ends.offsets[tp])
        return Lags(records, ends.joined)

    def leave(self) -> None:
        """Leave the consumer group at once, before the process ends on an error: its next owner need not wait.

        Raises:
            TimeoutError: Kafka has not answered in time; it lets our partitions go after the session timeout.
            KafkaError: it does not take the request.
        """
        self._thread.leave()

    # -- reading ---------------------------------------------------------------------------------

    @override
    async def _drain_messages(self, fetcher: ServiceT) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait_first(self.can_resume_flow.wait())
                    continue
                for chunk in await self._next_chunks():
                    await self._deliver(chunk)
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise

    async def _next_chunks(self) -> list[Chunk]:
        """Fetch, and return the records as chunks; wait a little where there are none."""
        await self._seek_back()
        epoch = self._epoch
        fetchable = self._fetchable()
        if not fetchable:
            await self._thread.fetch(fetchable, 0.0)
            self._room.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), POLL_S)
            return []
        # A partition without room now has room as soon as some of its chunks are done.
        wait_s = POLL_S if len(fetchable) == len(self._trackers) else SHORT_POLL_S
        return self._track(epoch, await self._thread.fetch(fetchable, wait_s))

    def _fetchable(self) -> frozenset[TP]:
        """Return the partitions that have room and are not paused."""
        trackers = self._trackers
        fetchable = frozenset(tp for tp, tracker in trackers.items() if tracker.has_room() and tp not in self._paused)
        for tp in trackers.keys() - fetchable:
            trackers[tp].skip()
        return fetchable

    def _track(self, epoch: int, fetched: Mapping[TP, Fetched]) -> list[Chunk]:
        """Return the fetched records as chunks in flight, unless a rebalance came after `epoch`.

        aiokafka's positions are past what it returned: a partition whose records cannot be delivered
        is noted, to be sought back and fetched from again.
        """
        chunks: list[Chunk] = []
        for tp, found in fetched.items():
            tracker = self._trackers.get(tp)
            if tracker is None or epoch != self._epoch or not self.flow_active:
                self._to_seek.add(tp)
            else:
                chunks += tracker.track(found, self.transport.settings.chunk_bytes)
        return chunks

    async def _seek_back(self) -> None:
        positions = {tp: self._trackers[tp].position for tp in self._to_seek if tp in self._trackers}
        if positions:
            self._to_seek.difference_update(positions)
            await self._thread.seek_to_positions(positions)

    async def _deliver(self, chunk: Chunk) -> None:
        if not chunk.current:
            return
        message = ConsumerMessage(
            topic=chunk.topic,
            partition=chunk.partition,
            offset=chunk.last_offset,
            timestamp=chunk.records[-1].timestamp / 1000,
            timestamp_type=0,
            headers=None,
            key=None,
            value=cast(bytes, chunk),  # decoded by ChunkSchema, which passes it on
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=chunk.size,
            tp=TP(chunk.topic, chunk.partition),
            generation_id=self.app.consumer_generation_id,
        )
        # A rebalance must not wait for a full queue; the chunk is then read again.
        await self.wait_first(self.callback(message), self.suspend_flow.wait())

    # -- rebalances ------------------------------------------------------------------------------

    @override
    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit acknowledged chunks, then close the trackers: chunks in flight can no longer be acknowledged."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.commit(), REVOKE_COMMIT_S)
        self._close_trackers()
        await super().on_partitions_revoked(revoked)

    @override
    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Close the trackers; `perform_seek` and `resume_flow` open new ones."""
        self._close_trackers()
        await super().on_partitions_assigned(assigned, generation_id)

    def _close_trackers(self) -> None:
        self._epoch += 1
        for tracker in self._trackers.values():
            tracker.close()
        self._trackers = {}
        self._prepared = {}
        self._assigned = defaultdict(set)
        self._paused.clear()
        self._thread.notes = {}

    @override
    async def perform_seek(self) -> None:
        """Seek every partition to the group's offset, and prepare a tracker for each."""
        epoch = self._epoch
        try:
            found = await self._thread.seek_to_group_offsets()
        except IllegalStateError:
            raise  # revoked meanwhile: Faust's recovery waits for the next assignment
        except Exception as error:
            await self.crash(error)  # Faust's recovery would log it, and hang
            raise
        if epoch != self._epoch:
            return
        ahead = CHUNKS_AHEAD
        settings = self.transport.settings
        self._prepared = {
            tp: OffsetTracker(
                tp.topic,
                tp.partition,
                position,
                committed,
                max_records=ahead * settings.chunk_records,
                max_bytes=ahead * settings.chunk_bytes,
                on_room=self._room.set,
            )
            for tp, (position, committed) in found.items()
        }

    @override
    def resume_flow(self) -> None:
        """Begin to read. Only now: Faust has just emptied the agents' queues for the last time."""
        super().resume_flow()
        self._trackers.update(self._prepared)
        for tp in self._prepared:
            self._assigned[tp.topic].add(tp.partition)
        self._prepared = {}
        self._room.set()

    @override
    async def on_stop(self) -> None:
        """Commit acknowledged chunks, unless Kafka is away: then the next owner reads them again."""
        with suppress(TimeoutError):
            await asyncio.wait_for(super().on_stop(), REVOKE_COMMIT_S)

    # -- commits ---------------------------------------------------------------------------------

    @override
    def ack(self, message: Message) -> bool:
        """Do nothing: Faust acknowledges cancelled and failed events, too. Agents call `Chunk.ack`."""
        return False

    @override
    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: trackers count chunks; offsets missing between them do not matter."""

    @override
    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Any:
        return [tp for tp in self._trackers if topics is None or tp in topics or tp.topic in topics]

    @override
    def _new_offset(self, tp: TP) -> int | None:
        tracker = self._trackers.get(tp)
        return None if tracker is None else tracker.to_commit()

    @override
    def _should_commit(self, tp: TP, offset: int) -> bool:
        return True

    @override
    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        trackers = {tp: self._trackers[tp] for tp in offsets}
        committed = await self._commit(offsets)
        if committed:
            for tp, offset in offsets.items():
                trackers[tp].committed = offset
        return committed

    # -- Faust's alarms, which assume one event a record -----------------------------------------

    @override
    async def verify_all_partitions_active(self) -> None:
        """Do nothing: it would call `verify_event_path` for every partition."""

    @override
    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: a paused partition is silent on purpose, and one that waits for ClickHouse must be."""

    @override
    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: the trackers bound the records in flight."""

    @override
    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing: the trackers bound the records in flight."""


class ChunkTransport(driver.Transport):
    """Faust's aiokafka transport with chunks: `app.transport = ChunkTransport(app, settings, assignor)`."""

    Consumer: ClassVar[type[ConsumerT]] = ChunkConsumer

    def __init__(self, app: AppT, settings: Settings, assignor: type[AbstractPartitionAssignor]) -> None:
        self.settings = settings
        self.assignor = assignor
        super().__init__([URL(f"kafka://{settings.kafka.split(',')[0]}")], app)


class ChunkSchema(Schema[Any, Any]):
    """Passes chunks on as they are: the agents decode, and decide what to do where that fails."""

    @override
    def loads_key(self, *_: Any, **__: Any) -> Any:
        """Return None: a chunk has no key."""
        return None

    @override
    def loads_value(self, app: AppT, message: Message, **_: Any) -> Any:
        """Return the chunk."""
        return message.value


def topic(app: App, names: Iterable[str]) -> TopicT:
    """Return topics as one Faust channel of chunks. They must exist; nothing is created."""
    return app.topic(*names, schema=ChunkSchema(), internal=False)


def consumer_of(app: App) -> ChunkConsumer:
    """Return the app's consumer, for what agents ask of it."""
    return cast(ChunkConsumer, app.consumer)


async def chunks_of(stream: StreamT[Any]) -> AsyncIterator[Chunk]:
    """Iterate over a stream's chunks; those of revoked partitions are left out."""
    async for event in cast(Stream[Any], stream).noack().events():
        chunk = cast(Chunk, event.value)
        chunk.begin()
        if chunk.current:
            yield chunk
