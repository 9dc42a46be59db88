"""The batch producer: what it returned from is written, whatever the broker answers meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.errors import (
    CorruptRecordException,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
    TopicAuthorizationFailedError,
    UnknownError,
)
from structlog.testing import capture_logs

from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, MAX_MESSAGE_BYTES, all_topics
from streams.kafka import producer as producer_module
from streams.kafka.producer import BatchProducer, Message, ProduceError, partition_for
from streams.settings import Settings
from tests.unit.agents.turns import turns_of_others


@dataclass
class Written:
    """What aiokafka tells of a batch: the offset of its first message."""

    offset: int


@dataclass
class FakeBatch:
    most: int
    values: list[bytes | None] = field(default_factory=list)

    def append(self, *, value: bytes | None, headers: list[Any], **_: Any) -> object | None:
        assert isinstance(headers, list), "aiokafka takes headers only as a list"
        if len(self.values) == self.most:
            return None
        self.values.append(value)
        return object()


@dataclass
class FakeKafka:
    """Stands for aiokafka's producers: answers each batch with the next of `answers`, then takes all.

    As on a broker, a batch that failed leaves a gap, behind which it takes nothing more of the same producer.
    """

    answers: list[Exception] = field(default_factory=list)
    full: int = 0
    """How many batches are not let into the queue in time."""
    gaps: set[tuple[str, int]] = field(default_factory=set)
    stopped: int = 0
    written: dict[tuple[str, int], list[bytes | None]] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    idempotent: list[bool] = field(default_factory=list)
    refuses_idempotence: bool = False
    retries: int = 0

    def note_retry(self) -> None:
        self.retries += 1

    def __call__(self, *, enable_idempotence: bool, **_: Any) -> FakeKafka:
        self.idempotent.append(enable_idempotence)
        self.gaps.clear()
        return self

    async def start(self) -> None:
        if self.refuses_idempotence and self.idempotent[-1]:
            raise UnknownError

    async def stop(self) -> None:
        self.stopped += 1

    def create_batch(self) -> FakeBatch:
        return FakeBatch(most=2)

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> asyncio.Future[Written]:
        if self.full:
            self.full -= 1
            raise KafkaTimeoutError
        return asyncio.ensure_future(self._take(batch, (topic, partition)))

    async def _take(self, batch: FakeBatch, place: tuple[str, int]) -> Written:
        if self.gate is not None:
            await self.gate.wait()
        if self.answers:
            self.gaps.add(place)
            raise self.answers.pop(0)
        if place in self.gaps:
            raise OutOfOrderSequenceNumber
        kept = self.written.setdefault(place, [])
        kept.extend(batch.values)
        return Written(len(kept) - len(batch.values))


async def started(kafka: FakeKafka) -> tuple[BatchProducer, list[float]]:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    producer = BatchProducer(Settings(), on_retry=kafka.note_retry, sleep=sleep, open_producer=kafka)
    await producer.start()
    return producer, waits


def numbers(count: int) -> list[Message]:
    return [Message(None, b"%d" % number) for number in range(count)]


async def test_everything_is_written_in_order_partition_by_partition() -> None:
    kafka = FakeKafka()
    producer, _ = await started(kafka)
    ends = await producer.send({("a", 0): numbers(5), ("a", 1): numbers(3), ("b", 0): []})
    assert ends == {("a", 0): 5, ("a", 1): 3}
    assert await producer.send({("a", 1): numbers(1)}) == {("a", 1): 4}
    assert kafka.written == {
        ("a", 0): [b"0", b"1", b"2", b"3", b"4"],
        ("a", 1): [b"0", b"1", b"2", b"0"],
    }


async def test_it_returns_only_when_the_broker_has_acknowledged() -> None:
    kafka = FakeKafka(gate=asyncio.Event())
    producer, _ = await started(kafka)
    sending = asyncio.create_task(producer.send({("a", 0): numbers(1)}))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not sending.done()
    assert kafka.gate is not None
    kafka.gate.set()
    await sending
    assert kafka.written == {("a", 0): [b"0"]}


async def test_while_the_broker_is_away_the_same_is_sent_again_with_longer_and_longer_waits() -> None:
    kafka = FakeKafka([KafkaConnectionError(), NotLeaderForPartitionError(), KafkaConnectionError()])
    producer, waits = await started(kafka)
    await producer.send({("a", 0): numbers(5)})
    assert kafka.written == {("a", 0): [b"0", b"1", b"2", b"3", b"4"]}
    assert waits == sorted(waits)
    assert len(waits) == kafka.retries == 3


async def test_one_outage_is_told_once_whatever_the_number_of_partitions_that_wait() -> None:
    kafka = FakeKafka()
    producer, _ = await started(kafka)
    for outage in (1, 2):
        kafka.answers = [KafkaConnectionError()] * 4
        with capture_logs() as logs:
            await producer.send({("a", partition): numbers(1) for partition in range(4)})
        assert [entry["log_level"] for entry in logs] == ["warning"]
        assert kafka.retries == 4 * outage


async def test_a_batch_that_found_the_queue_full_for_too_long_is_sent_again_by_the_same_producer() -> None:
    kafka = FakeKafka(full=2)
    producer, _ = await started(kafka)
    await producer.send({("a", 0): numbers(3)})
    assert kafka.written == {("a", 0): [b"0", b"1", b"2"]}
    assert (kafka.retries, len(kafka.idempotent), kafka.stopped) == (2, 1, 0)


@pytest.mark.parametrize(
    "error",
    [
        LeaderNotAvailableError(),  # the partition had no leader for longer than a batch lives
        CorruptRecordException(),
        OutOfOrderSequenceNumber(),
        KafkaError("Unexpected error during batch delivery"),  # the producer's own task has broken down
    ],
)
async def test_what_a_producer_gave_up_is_sent_by_another_one(error: Exception) -> None:
    kafka = FakeKafka([error])
    producer, _ = await started(kafka)
    await producer.send({("a", 0): numbers(5), ("b", 0): numbers(1)})
    assert kafka.written == {("a", 0): [b"0", b"1", b"2", b"3", b"4"], ("b", 0): [b"0"]}
    assert kafka.idempotent == [True, True]
    await producer.stop()
    assert kafka.stopped == 2


async def test_a_producer_that_was_stopped_starts_no_other() -> None:
    kafka = FakeKafka()
    producer, _ = await started(kafka)
    await producer.stop()
    with pytest.raises(ProduceError):
        await producer.send({("a", 0): numbers(1)})
    assert len(kafka.idempotent) == 1


async def test_what_we_may_not_write_is_an_error_at_once() -> None:
    producer, waits = await started(FakeKafka([TopicAuthorizationFailedError()]))
    with pytest.raises(ProduceError, match=r"for a, partition 3.*TopicAuthorizationFailedError"):
        await producer.send({("a", 3): numbers(1)})
    assert waits == []


async def test_what_will_never_be_taken_is_an_error_that_says_how_to_mend_it() -> None:
    producer, waits = await started(FakeKafka([MessageSizeTooLargeError()]))
    with pytest.raises(ProduceError, match=r"(?s)for a, partition 3.*max\.message\.bytes"):
        await producer.send({("a", 3): numbers(1)})
    assert waits == []


async def test_a_message_over_the_limit_is_not_even_tried() -> None:
    kafka = FakeKafka()
    producer, _ = await started(kafka)
    huge = Message(b"key", b"x" * MAX_MESSAGE_BYTES)
    with pytest.raises(ProduceError, match=r"a message for a is \d+ bytes long"):
        await producer.send({("a", 0): [huge]})
    assert kafka.written == {}


async def test_a_dead_letter_is_never_refused_for_its_size() -> None:
    kafka = FakeKafka()
    producer, _ = await started(kafka)
    await producer.send({(DEAD_LETTERS, 0): [Message(b"key", b"x" * (3 * MAX_MESSAGE_BYTES))]})
    assert list(kafka.written) == [(DEAD_LETTERS, 0)]


async def test_the_hint_names_the_size_that_the_topic_is_to_take() -> None:
    takes = {topic.name: topic.config.get("max.message.bytes", "") for topic in all_topics()}
    for topic in (DEAD_LETTERS, JOURNEYS_LOG):
        producer, _ = await started(FakeKafka([MessageSizeTooLargeError()]))
        with pytest.raises(ProduceError, match=rf"to {takes[topic]}$"):
            await producer.send({(topic, 0): numbers(1)})


async def test_a_broker_without_idempotence_is_written_to_without() -> None:
    kafka = FakeKafka(refuses_idempotence=True)
    producer, _ = await started(kafka)
    await producer.send({("a", 0): numbers(1)})
    assert kafka.idempotent == [True, False]


async def test_other_failures_to_start_are_told() -> None:
    kafka = FakeKafka()

    async def start() -> None:
        raise KafkaConnectionError

    kafka.start = start  # type: ignore[method-assign]  # a broker that is not there
    with pytest.raises(KafkaConnectionError):
        await started(kafka)


@pytest.mark.parametrize(
    ("key", "hashed"),
    # From Apache Kafka's own test of its murmur2 (UtilsTest.testMurmur2).
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_goes_where_kafkas_own_producers_put_it(key: bytes, hashed: int) -> None:
    for partitions in (1, 4, 7, 12):
        assert partition_for(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


def test_of_long_keys_a_bounded_number_of_digests_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer_module, "LONG_REMEMBERED", 3)
    monkeypatch.setattr(producer_module, "_long_hashes", {})
    before = producer_module._remembered.cache_info().currsize
    for number in (*range(5), *range(5)):
        key = b"%d" % number + b"x" * 5_000
        assert partition_for(key, 4) == producer_module._partition_for(key, 4)

    assert producer_module._remembered.cache_info().currsize == before
    assert (len(producer_module._long_hashes), {len(digest) for digest in producer_module._long_hashes}) == (3, {16})


async def test_others_have_their_turn_between_the_batches_of_many_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """All were filled at once: 512 KiB of each topic of facts."""
    monkeypatch.setattr("streams.runtime.turn.YIELD_AFTER_S", 0.0)
    kafka = FakeKafka()
    producer, _ = await started(kafka)
    filled = []
    fill = producer_module._fill

    def filling(*arguments: Any) -> Any:
        filled.append(turns.count)
        return fill(*arguments)

    monkeypatch.setattr(producer_module, "_fill", filling)
    async with turns_of_others() as turns:
        await producer.send({("a", partition): numbers(1) for partition in range(20)})

    assert len(set(filled)) == 20


async def test_others_have_their_turn_while_many_messages_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.runtime.turn.YIELD_AFTER_S", 0.0)
    producer, _ = await started(FakeKafka())

    async with turns_of_others() as turns:
        with pytest.raises(ProduceError):
            await producer.send({(JOURNEYS_LOG, 0): [*numbers(3_200), Message(None, b"x" * MAX_MESSAGE_BYTES)]})

    assert turns.count >= 100
