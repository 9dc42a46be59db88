"""Faust in chunks: a transport whose consumer hands out fetched runs of records.

One Faust event carries one `Chunk` of one partition, so what Faust costs an event is paid once for
thousands of records. What may be committed is decided by trackers (`streams.kafka.offsets`): nothing that
Faust does (acknowledging when an iteration ends, its gaps) moves an offset, only `Chunk.ack`.

This subclasses the consumer of the one pinned release of Faust. What is replaced, and why:

- `_drain_messages`: Faust drops fetched records of paused partitions, and counts them as read.
- `perform_seek`: aiokafka leaves a partition without a committed offset wherever it is.
- `_new_offset`, `_commit_offsets`: Faust commits past what is not acknowledged, and forgets what
  failed to commit.
- `ack`, `_add_gap`: see above.
- `on_partitions_revoked`: what is done is committed before the partitions go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, cast

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata
from faust import App, Schema, Stream, StreamT, TopicT
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, ConsumerMessage, Message
from faust.types.transports import ConsumerT
from mode.types import ServiceT
from typing_extensions import override
from yarl import URL

from schemas.errors import TouchlineError
from streams.kafka.client import client_options
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from streams.settings import Settings

POLL_S = 0.25
"""How long one look for fetched records waits; also how soon a released partition is read again."""
SHORT_POLL_S = 0.02
"""The same, while some partition has no room and may get it any moment."""
REVOKE_COMMIT_S = 5.0
"""How long partitions that are taken away wait for the last commit."""
CHUNKS_AHEAD = 4
"""How many full chunks of a partition are handed out before the first is acknowledged."""

log = structlog.get_logger(__name__)


class UnreadableError(TouchlineError):
    """The client cannot read a message; its own error does not say which."""


def _unreadable(fetched: Mapping[TopicPartition, Any]) -> str:
    """Return where reading came to an end, of what aiokafka has fetched: where its generator of records is spent."""
    spent = [
        f"{tp.topic}, partition {tp.partition}, offset {unpacked.next_fetch_offset} (or just behind it)"
        for tp, result in fetched.items()
        if (unpacked := getattr(result, "_partition_records", None)) is not None
        and unpacked._records_iterator is not None
        and unpacked._records_iterator.gi_frame is None
    ]
    return (
        f"a message has a header whose name is not UTF-8: {', '.join(spent) or 'of an unknown partition'}. "
        "See docs/operating.md#a-worker-ends-again-and-again"
    )


class ChunkThread(driver.AIOKafkaConsumerThread):
    """The thread with aiokafka's consumer; its heartbeats live while agents compute."""

    mundane_level = "debug"

    @override
    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        settings = cast(ChunkTransport, transport).settings
        session_ms = int(settings.session_timeout_s * 1000)
        return AIOKafkaConsumer(
            **client_options(settings),
            group_id=self.app.conf.id,
            # Partition p of all topics goes to the same worker, as all have as many partitions.
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # What a transactional producer took back was never said.
            isolation_level="read_committed",
            max_poll_records=settings.chunk_records,
            max_partition_fetch_bytes=settings.chunk_bytes,
            fetch_max_wait_ms=settings.fetch_wait_ms,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(3000, session_ms // 3),
            rebalance_timeout_ms=max(60_000, session_ms),
            request_timeout_ms=max(40_000, session_ms + 10_000),
        )

    async def fetch(self, wanted: frozenset[TP], wait_s: float) -> dict[TP, Fetched]:
        """Look at the wanted partitions, for at most `wait_s` where there is nothing."""
        return cast(dict[TP, Fetched], await self.call_thread(self._fetch, wanted, wait_s))

    async def _fetch(self, wanted: frozenset[TP], wait_s: float) -> dict[TP, Fetched]:
        # A fetch that began during a rebalance would wait for its end and hold this thread's queue.
        if not self.consumer.flow_active:
            return {}
        consumer = self._ensure_consumer()
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            if not wanted:
                # aiokafka takes an empty set for all. It must see us look, or we leave the group.
                return {}
            try:
                records = await fetcher.fetched_records(wanted, timeout=wait_s, max_records=consumer._max_poll_records)
            except UnicodeDecodeError as error:
                raise UnreadableError(_unreadable(fetcher._records)) from error
        fetched = {}
        for tp in wanted:
            partition = TopicPartition(tp.topic, tp.partition)
            found = records.get(partition, [])
            if not consumer._subscription.is_assigned(partition):
                position = end = None
            else:
                state = consumer._subscription.subscription.assignment.state_value(partition)
                position = state.position if state.has_valid_position else None
                # What is said in a transaction comes when it ends: until then, nothing waits for it.
                end = state.lso
            if found or (position is not None and end is not None):
                last = found[-1].offset + 1 if found else 0
                fetched[tp] = Fetched(found, position or last, end or last)
        return fetched

    async def rewind(self) -> dict[TP, tuple[int, int | None]]:
        """Seek every assigned partition to where the group stands: TP -> (position, committed)."""
        return cast(
            dict[TP, tuple[int, int | None]],
            await self.call_thread(self._rewind),
        )

    async def _rewind(self) -> dict[TP, tuple[int, int | None]]:
        consumer = self._ensure_consumer()
        partitions = sorted(consumer.assignment())
        offsets = await asyncio.gather(*(consumer.committed(p) for p in partitions))
        fresh = [p for p, offset in zip(partitions, offsets, strict=True) if offset is None]
        starts = await consumer.beginning_offsets(fresh) if fresh else {}
        found = {}
        for partition, committed in zip(partitions, offsets, strict=True):
            position = starts[partition] if committed is None else committed
            consumer.seek(partition, position)
            found[TP(partition.topic, partition.partition)] = (position, committed)
        return found

    async def reseek(self, positions: Mapping[TP, int]) -> None:
        """Seek partitions to positions; those that are no longer assigned are passed over."""
        await self.call_thread(self._reseek, positions)

    async def _reseek(self, positions: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, position in positions.items():
            with suppress(IllegalStateError):
                consumer.seek(TopicPartition(tp.topic, tp.partition), position)

    @override
    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        consumer = self._ensure_consumer()
        try:
            await consumer.commit(
                {
                    TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, "")
                    for tp, offset in offsets.items()
                }
            )
        except (CommitFailedError, IllegalStateError) as error:
            # The group has moved on; whoever has the partitions now reads from the last commit.
            log.info("offsets not committed: the group is rebalancing", cause=str(error))
            return False
        return True


class ChunkConsumer(driver.Consumer):
    """Faust's consumer with trackers for its books. All of it runs in the app's event loop."""

    _thread: ChunkThread
    transport: ChunkTransport
    mundane_level = "debug"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._trackers: dict[TP, OffsetTracker] = {}
        self._prepared: dict[TP, OffsetTracker] = {}
        self._held: set[TP] = set()
        self._adrift: set[TP] = set()
        self._epoch = 0
        self._room = asyncio.Event()

    @override
    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon)

    # -- for agents ------------------------------------------------------------------------------

    def hold(self, topic: str, partition: int) -> None:
        """Fetch no more of a partition until `release`; what is being fetched already still comes."""
        self._held.add(TP(topic, partition))

    def release(self, topic: str, partition: int) -> None:
        """Fetch a held partition again, from where it was left."""
        self._held.discard(TP(topic, partition))
        self._room.set()

    def at_end(self, topic: str, partition: int) -> bool:
        """Whether agents have all that a partition of ours held when it was last looked at."""
        tracker = self._trackers.get(TP(topic, partition))
        return tracker is not None and tracker.at_end

    def assigned(self, topic: str) -> set[int]:
        """Return the partitions of a topic that are ours and being read."""
        return {tp.partition for tp in self._trackers if tp.topic == topic}

    # -- reading ---------------------------------------------------------------------------------

    @override
    async def _drain_messages(self, fetcher: ServiceT) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait_first(self.can_resume_flow.wait())
                    continue
                for chunk in await self._next_chunks():
                    await self._hand_out(chunk)
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise

    async def _next_chunks(self) -> list[Chunk]:
        """Return what was fetched, as chunks; wait a little where there is nothing."""
        await self._reseek()
        epoch = self._epoch
        wanted = self._wanted()
        if not wanted:
            await self._thread.fetch(wanted, 0.0)
            self._room.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), POLL_S)
            return []
        # A partition that is not wanted now may be as soon as some of its chunks are done.
        wait_s = POLL_S if len(wanted) == len(self._trackers) else SHORT_POLL_S
        return self._enter(epoch, await self._thread.fetch(wanted, wait_s))

    def _wanted(self) -> frozenset[TP]:
        wanted = frozenset(tp for tp, tracker in self._trackers.items() if tracker.has_room() and tp not in self._held)
        for tp in self._trackers.keys() - wanted:
            self._trackers[tp].look_away()
        return wanted

    def _enter(self, epoch: int, fetched: Mapping[TP, Fetched]) -> list[Chunk]:
        """Enter what was fetched since `epoch` into the trackers.

        aiokafka's positions are past what it returned: what cannot be handed out, because a
        rebalance came between, is noted, to be sought and fetched again.
        """
        chunks: list[Chunk] = []
        for tp, found in fetched.items():
            tracker = self._trackers.get(tp)
            if tracker is None or epoch != self._epoch or not self.flow_active:
                self._adrift.add(tp)
            else:
                chunks += tracker.hand_out(found, self.transport.settings.chunk_bytes)
        return chunks

    async def _reseek(self) -> None:
        back = {tp: self._trackers[tp].position for tp in self._adrift if tp in self._trackers}
        if back:
            self._adrift.difference_update(back)
            await self._thread.reseek(back)

    async def _hand_out(self, chunk: Chunk) -> None:
        if not chunk.current:
            return
        tp = TP(chunk.topic, chunk.partition)
        message = ConsumerMessage(
            chunk.topic,
            chunk.partition,
            chunk.last_offset,
            chunk.records[-1].timestamp / 1000,
            0,
            None,
            None,
            cast(bytes, chunk),  # decoded by ChunkSchema, which passes it on
            None,
            0,
            chunk.size,
            tp,
            generation_id=self.app.consumer_generation_id,
        )
        # A rebalance must not wait for a full queue; it ends the chunk, which will be read again.
        await self.wait_first(self.callback(message), self.suspend_flow.wait())

    # -- rebalances ------------------------------------------------------------------------------

    @override
    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done, then close the books: work under way can no longer acknowledge."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.commit(), REVOKE_COMMIT_S)
        self._close_trackers()
        await super().on_partitions_revoked(revoked)

    @override
    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Start the books anew; `perform_seek` and `resume_flow` fill them."""
        self._close_trackers()
        await super().on_partitions_assigned(assigned, generation_id)

    def _close_trackers(self) -> None:
        self._epoch += 1
        for tracker in self._trackers.values():
            tracker.close()
        self._trackers = {}
        self._prepared = {}
        self._held.clear()

    @override
    async def perform_seek(self) -> None:
        """Seek every partition to where the group stands, and open a tracker for each."""
        epoch = self._epoch
        try:
            found = await self._thread.rewind()
        except IllegalStateError:
            raise  # taken away meanwhile: Faust's recovery waits for the next assignment
        except Exception as error:
            await self.crash(error)  # Faust's recovery would log it, and stand still
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
                most_records=ahead * settings.chunk_records,
                most_bytes=ahead * settings.chunk_bytes,
                on_room=self._room.set,
            )
            for tp, (position, committed) in found.items()
        }

    @override
    def resume_flow(self) -> None:
        """Begin to read. Only now: Faust has just emptied the agents' queues for the last time."""
        super().resume_flow()
        self._trackers.update(self._prepared)
        self._prepared = {}
        self._room.set()

    @override
    async def on_stop(self) -> None:
        """Commit what is done, unless Kafka is away: then it will be done again."""
        with suppress(TimeoutError):
            await asyncio.wait_for(super().on_stop(), REVOKE_COMMIT_S)

    # -- commits ---------------------------------------------------------------------------------

    @override
    def ack(self, message: Message) -> bool:
        """Do nothing: Faust acknowledges what was cancelled or failed, too. See `Chunk.ack`."""
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

    # -- Faust's alarms, made for one event a record ---------------------------------------------

    @override
    async def verify_all_partitions_active(self) -> None:
        """Do nothing; see below."""

    @override
    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: a held partition, and one whose ClickHouse is down, are no faults of ours."""

    @override
    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: the trackers bound what is handed out."""

    @override
    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing, likewise."""


class ChunkTransport(driver.Transport):
    """Faust's aiokafka transport with chunks: `app.transport = ChunkTransport(app, settings)`."""

    Consumer: ClassVar[type[ConsumerT]] = ChunkConsumer

    def __init__(self, app: AppT, settings: Settings) -> None:
        self.settings = settings
        super().__init__([URL(f"kafka://{settings.kafka.split(',')[0]}")], app)


class ChunkSchema(Schema[Any, Any]):
    """Passes chunks on as they are: decoding, and what to do where it fails, is the agents' own."""

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
    """Return the app's consumer, for `hold`, `release`, `at_end` and `assigned`."""
    return cast(ChunkConsumer, app.consumer)


async def chunks_of(stream: StreamT[Any]) -> AsyncIterator[Chunk]:
    """Iterate over a stream's chunks; those that are no longer ours are left out."""
    async for event in cast(Stream[Any], stream).noack().events():
        chunk = cast(Chunk, event.value)
        chunk.take()
        if chunk.current:
            yield chunk
