"""The thread with aiokafka's consumer: fetching, seeking and committing for `streams.kafka.consumer`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, cast

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    GroupCoordinatorNotAvailableError,
    IllegalStateError,
    KafkaError,
    NotCoordinatorForGroupError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import OffsetAndMetadata
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from typing_extensions import override

from schemas.units import SECOND_MS
from streams.kafka.batches import bound_batches
from streams.kafka.client import BrokerError, client_options, close, passes, wait_out
from streams.kafka.offsets import Fetched
from streams.kafka.partitions import misfit
from streams.settings import Settings

METADATA_AGE_S = 5.0
"""How often the broker is asked how many partitions the topics have: partitions that were added are told this soon."""
END_KNOWN_S = 3.0
"""How long after its last answer Kafka's word on where a partition ends is taken for true."""
LEAVE_S = 3.0
"""How long a process that ends waits for Kafka to let it out of its group."""

log = structlog.get_logger(__name__)


def check_offset_fetches(coordinator: Any) -> None:
    """Make a group coordinator's client raise the error of an answer that has no offsets because of it.

    aiokafka 0.14 does not look at it, and takes such an answer for that of a group without offsets: while Kafka moves
    or loads the group, everything would be read again from its beginning.
    """
    send = coordinator._send_req

    async def checked(request: Any) -> Any:
        response = await send(request)
        if request.API_KEY == OffsetFetchRequest.API_KEY and (code := getattr(response, "error_code", 0)):
            error = for_code(code)
            if error in (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError):
                coordinator.coordinator_dead()
            raise error()
        return response

    coordinator._send_req = checked


def _is_fresh(answered_at: int | None) -> bool:
    """Return whether Kafka has answered a fetch of late (epoch ms): while it is away, a partition's end is unknown."""
    return answered_at is not None and time.time() * SECOND_MS - answered_at < END_KNOWN_S * SECOND_MS


class Ends(NamedTuple):
    """Where partitions end, as Kafka says.

    Attributes:
        offsets: the last stable offset of each.
        joined: whether we are a member of our group, and know which partitions are ours.
    """

    offsets: dict[TP, int]
    joined: bool


class Configured(Protocol):
    """What is used of `streams.kafka.consumer.ChunkTransport`."""

    settings: Settings
    assignor: type[AbstractPartitionAssignor]


class ChunkThread(driver.AIOKafkaConsumerThread):
    """The thread with aiokafka's consumer; its heartbeats live while agents compute.

    Attributes:
        notes: texts that are committed with the offsets of some partitions.
    """

    mundane_level = "debug"
    _misfit = ""
    notes: Mapping[TP, str] = MappingProxyType({})

    @override
    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        settings, assignor = cast(Configured, transport).settings, cast(Configured, transport).assignor
        session_ms = int(settings.session_timeout_s * 1000)
        bound_batches(settings.max_batch_bytes)
        consumer = AIOKafkaConsumer(
            **client_options(settings),
            group_id=self.app.conf.id,
            partition_assignment_strategy=[assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Records of an aborted transaction do not count.
            isolation_level="read_committed",
            max_poll_records=settings.chunk_records,
            max_partition_fetch_bytes=settings.chunk_bytes,
            fetch_max_wait_ms=settings.fetch_wait_ms,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(3000, session_ms // 3),
            rebalance_timeout_ms=max(60_000, session_ms),
            request_timeout_ms=max(40_000, session_ms + 10_000),
            metadata_max_age_ms=int(METADATA_AGE_S * 1000),
        )

        def look(cluster: Any) -> None:
            fixed = consumer.subscription() - frozenset(settings.inputs)
            known = {name: cluster.partitions_for_topic(name) for name in fixed}
            self._misfit = misfit(settings.partitions, {name: len(found) for name, found in known.items() if found})

        consumer._client.cluster.add_listener(look)
        return consumer

    def _refuse_misfit(self) -> None:
        """Raise a BrokerError if a topic of touchline's own that we read has another number of partitions by now.

        There are as many tasks as partitions of the log, and customers lie in these by their number.
        """
        if self._misfit:
            raise BrokerError(self._misfit)

    @override
    async def on_start(self) -> None:
        """Connect, however long Kafka is away."""
        self.time_started = time.monotonic()
        await wait_out(cast(Configured, self.transport).settings, self._connect)

    async def _connect(self) -> None:
        self._consumer = self._create_consumer(loop=self.thread_loop)
        try:
            await self._consumer.start()
        except BaseException:
            await self._consumer.stop()
            raise
        check_offset_fetches(self._consumer._coordinator)

    async def fetch(self, partitions: frozenset[TP], wait_s: float) -> dict[TP, Fetched]:
        """Return records of some partitions; wait for at most `wait_s` where there are none."""
        return cast(dict[TP, Fetched], await self.call_thread(self._fetch, partitions, wait_s))

    async def _fetch(self, partitions: frozenset[TP], wait_s: float) -> dict[TP, Fetched]:
        # A fetch that began during a rebalance would wait for its end and hold this thread's queue.
        if not self.consumer.flow_active:
            return {}
        consumer = self._ensure_consumer()
        self._refuse_misfit()
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            if not partitions:
                # aiokafka takes an empty set for all. It must see us poll, or we leave the group.
                return {}
            records = await fetcher.fetched_records(partitions, timeout=wait_s, max_records=consumer._max_poll_records)
        fetched = {}
        for tp in partitions:
            partition = TopicPartition(tp.topic, tp.partition)
            found = records.get(partition, [])
            if not consumer._subscription.is_assigned(partition):
                position = end = None
            else:
                state = consumer._subscription.subscription.assignment.state_value(partition)
                position = state.position if state.has_valid_position else None
                # Records of a transaction are readable when it ends: until then, they are beyond the end.
                end = state.lso if _is_fresh(state.timestamp) else None
            if found or position is not None:
                last = found[-1].offset + 1 if found else 0
                fetched[tp] = Fetched(found, position or last, end)
        return fetched

    async def seek_to_group_offsets(self) -> dict[TP, tuple[int, int | None]]:
        """Seek every assigned partition to the group's offset, or its beginning: TP -> (position, committed)."""
        settings = cast(Configured, self.transport).settings
        found = await self.call_thread(wait_out, settings, self._seek_to_group_offsets)
        return cast(dict[TP, tuple[int, int | None]], found)

    async def _seek_to_group_offsets(self) -> dict[TP, tuple[int, int | None]]:
        consumer = self._ensure_consumer()
        self._refuse_misfit()
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

    async def seek_to_positions(self, positions: Mapping[TP, int]) -> None:
        """Seek partitions to positions; those that are no longer assigned are passed over."""
        await self.call_thread(self._seek_to_positions, positions)

    async def _seek_to_positions(self, positions: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, position in positions.items():
            with suppress(IllegalStateError):
                consumer.seek(TopicPartition(tp.topic, tp.partition), position)

    async def ends(self) -> Ends:
        """Ask Kafka where the assigned partitions end; without any, ask it for another answer.

        Raises:
            ConsumerNotStarted: we have not connected yet.
            KafkaError: Kafka refuses us, or does not answer.
        """
        # Not by the thread's queue: that may be held up by a call that Kafka does not answer.
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._ends(), self.thread_loop))

    async def _ends(self) -> Ends:
        consumer = self._ensure_consumer()
        coordinator, subscription = consumer._coordinator, consumer._subscription.subscription
        if coordinator is None or subscription is None:
            raise ConsumerNotStarted
        # What it cannot go on with, it keeps for the next poll; we poll the fetcher, which does not see it.
        coordinator.check_errors()
        partitions = consumer.assignment() or {TopicPartition(min(subscription.topics), 0)}
        ends = await consumer.end_offsets(partitions)
        joined = coordinator.coordinator_id is not None and subscription.assignment is not None
        return Ends({TP(tp.topic, tp.partition): end for tp, end in ends.items()}, joined)

    @override
    def close(self) -> None:
        """Do nothing: Faust would close the connections from another event loop, before the group is left."""

    @override
    async def on_thread_stop(self) -> None:
        """Leave the group and disconnect; Kafka may be away."""
        with suppress(TimeoutError, KafkaError):
            await asyncio.wait_for(self._leave(), LEAVE_S)
        await close(super().on_thread_stop())

    def leave(self) -> None:
        """Leave the consumer group at once, without a commit, from a process that is about to end.

        Raises:
            TimeoutError: Kafka has not answered in time.
            KafkaError: it does not take the request.
        """
        asyncio.run_coroutine_threadsafe(self._leave(), self.thread_loop).result(LEAVE_S)

    async def _leave(self) -> None:
        consumer: Any = self._consumer
        coordinator = None if consumer is None else consumer._coordinator
        if coordinator is None or coordinator._closing.done():
            return
        coordinator._closing.set_result(None)  # else it would join again
        if coordinator.member_id and coordinator.coordinator_id is not None:
            # Over another connection than the group's: on that, a join may wait until all members have come.
            request = LeaveGroupRequest(coordinator.group_id, coordinator.member_id)
            await consumer._client.send(coordinator.coordinator_id, request)

    @override
    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        consumer = self._ensure_consumer()
        try:
            await consumer.commit(
                {
                    TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, self.notes.get(tp, ""))
                    for tp, offset in offsets.items()
                }
            )
        except (CommitFailedError, IllegalStateError) as error:
            # The group has moved on; the partitions' next owner reads from the last commit.
            log.info("offsets not committed: the group is rebalancing", cause=str(error))
            return False
        except KafkaError as error:
            if not passes(error):
                raise
            # The trackers keep the offsets; the next commit tries them again.
            log.warning("offsets not committed; the next commit tries again", cause=repr(error))
            return False
        return True
