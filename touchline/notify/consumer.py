"""Reads signals in a consumer group of its own, and commits what every target is done with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from streams.kafka.batches import bound_batches
from streams.kafka.client import client_options, close, explained, passes, wait_out
from streams.kafka.fetcher import check_offset_fetches
from streams.runtime.retry import Sleep
from streams.settings import Settings
from touchline.notify.deliverer import Deliverer
from touchline.notify.progress import Place, Progress

POLL_S = 0.25
"""How long one fetch waits, and how soon it is looked again whether there is room."""
COMMIT_S = 1.0
"""Seconds between two commits."""
LAST_COMMIT_S = 5.0
"""How long a partition that goes, or the end, waits for the last commit."""
RECORDS = 500
"""Most records of one fetch."""
FETCH_BYTES = 1 << 20

log = structlog.get_logger(__name__)


class SignalConsumer:
    """The consumer.

    Args:
        settings: how Kafka is reached, and the group's suffix.
        topics: what is read.
        deliverer: takes what is read.
        progress: says what may be committed.
        clock: tells seconds, monotonic.
        sleep: waits for some seconds.
        open_consumer: makes aiokafka's consumer.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[str],
        deliverer: Deliverer,
        progress: Progress,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        open_consumer: Callable[..., Any] = AIOKafkaConsumer,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._deliverer = deliverer
        self._progress = progress
        self._clock = clock
        self._sleep = sleep
        self._open_consumer = open_consumer
        self._consumer: Any = None
        self._committing: float | None = None

    @property
    def uncommitted_s(self) -> float:
        """Seconds since a commit has begun that Kafka has not answered; 0 without one."""
        return 0.0 if self._committing is None else self._clock() - self._committing

    async def run(self, on_failure: Callable[[str], None]) -> None:
        """Read until cancelled, however long Kafka is away in between.

        Args:
            on_failure: called with the cause of each failed attempt to join.

        Raises:
            BrokerError: Kafka refuses us.
            KafkaError: an error that does not pass by itself.
        """
        self._consumer = await wait_out(self._settings, self._opened, on_failure=on_failure)
        committing = asyncio.create_task(self._commit_for_ever(), name="commits")
        try:
            while not committing.done():
                await self._read_some()
            committing.result()
        except KafkaError as error:
            raise explained(self._settings, error) from error
        finally:
            committing.cancel()
            await self._last_commit()
            await close(self._consumer.stop(), LAST_COMMIT_S)

    async def _read_some(self) -> None:
        room = min(self._progress.room, RECORDS)
        if not room:
            # Kafka's client must see us poll, or we leave the group.
            with self._consumer._subscription.fetch_context():
                await self._sleep(POLL_S)
            return
        try:
            fetched = await self._consumer.getmany(timeout_ms=int(POLL_S * 1000), max_records=room)
        except KafkaError as error:
            if not passes(error):
                raise
            log.warning("signals could not be fetched", cause=repr(error))
            await self._sleep(POLL_S)
            return
        for place, records in fetched.items():
            for record in records:
                await self._deliverer.take(place.topic, place.partition, record)

    async def _commit_for_ever(self) -> None:
        while True:
            await self._sleep(COMMIT_S)
            await self._commit()

    async def _commit(self) -> None:
        offsets = self._progress.to_commit()
        if not offsets:
            return
        self._committing = self._clock()
        try:
            await self._consumer.commit({TopicPartition(*place): offset for place, offset in offsets.items()})
        except (CommitFailedError, IllegalStateError) as error:
            # A rebalance came first: what was not committed is read again by whoever has the partition now.
            log.info("not committed: the group is being rebalanced", cause=repr(error))
        except KafkaError as error:
            if not passes(error):
                raise
            log.warning("not committed yet", cause=repr(error))
        else:
            self._progress.committed(offsets)
        finally:
            self._committing = None

    async def _last_commit(self) -> None:
        try:
            async with asyncio.timeout(LAST_COMMIT_S):
                await self._commit()
        except (KafkaError, TimeoutError) as error:
            log.warning("not committed at the end: it is delivered again", cause=repr(error))

    async def _opened(self) -> Any:
        settings = self._settings
        session_ms = int(settings.session_timeout_s * 1000)
        bound_batches(settings.max_batch_bytes)
        consumer = self._open_consumer(
            **client_options(settings),
            group_id=settings.group("notify"),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(3000, session_ms // 3),
            request_timeout_ms=max(40_000, session_ms + 10_000),
        )
        consumer.subscribe(self._topics, listener=_Rebalances(self._revoke))
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        check_offset_fetches(consumer._coordinator)
        return consumer

    async def _revoke(self, places: Iterable[Place]) -> None:
        """Commit what is done before partitions go; what waits of them is the next reader's."""
        if self._consumer is not None:
            await self._last_commit()
        self._progress.revoke(places)


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no type information
    """Tells of partitions that go."""

    def __init__(self, revoke: Callable[[Iterable[Place]], Any]) -> None:
        self._revoke = revoke

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Have what is done committed, and the rest forgotten."""
        await self._revoke([(place.topic, place.partition) for place in revoked])

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Do nothing: partitions are noted when something of them is read."""
