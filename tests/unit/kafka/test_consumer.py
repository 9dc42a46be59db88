"""The chunk consumer: each way in which Faust's own books lose messages, tried on ours."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from faust.types import TP, Message

from streams.app import TouchlineApp, new_app
from streams.kafka.consumer import ChunkConsumer, ChunkThread, _unreadable, consumer_of
from streams.kafka.offsets import Chunk
from streams.settings import Settings
from tests.unit.streams.records import FakeThread, records

A = TP("a", 0)
B = TP("b", 0)


class Books:
    """A consumer on a Kafka without network, and what it handed out."""

    def __init__(self, **logs: int) -> None:
        self.app: TouchlineApp = new_app(Settings(), "test")
        self.consumer: ChunkConsumer = consumer_of(self.app)
        self.kafka = FakeThread({TP(name, 0): records(0, count) for name, count in logs.items()})
        self.consumer._thread = cast(ChunkThread, self.kafka)
        self.handed_out: list[Chunk] = []

    async def assign(self, generation: int = 1) -> None:
        """What Faust does after an assignment."""
        self.app.consumer_generation_id = generation
        self.consumer._close_trackers()
        await self.consumer.perform_seek()
        self.consumer.resume_flow()

    async def revoke(self) -> None:
        """What Faust does when partitions are taken away; it then stops the flow."""
        await self.consumer.commit()
        self.consumer._close_trackers()
        self.consumer.stop_flow()

    async def look(self) -> list[Chunk]:
        chunks = await self.consumer._next_chunks()
        self.handed_out += chunks
        return chunks

    def offsets(self, tp: TP) -> list[int]:
        return [
            record.offset
            for chunk in self.handed_out
            if TP(chunk.topic, chunk.partition) == tp
            for record in chunk.records
        ]


def test_a_header_that_cannot_be_read_is_told_with_its_place() -> None:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset, name in enumerate(["fine", "fine", "xxxx"]):
        builder.append(offset, 1, b"", b"", [(name, b"")])
    batch = MemoryRecords(bytes(builder.build()).replace(b"xxxx", b"\xff\xfe\xfd\xfc"))
    places = [TopicPartition("a", 0), TopicPartition("b", 3)]
    bad = PartitionRecords(places[1], batch, None, 0, None, None, False, 0)
    good = PartitionRecords(places[0], MemoryRecords(b""), None, 0, None, None, False, 0)
    with pytest.raises(UnicodeDecodeError):
        list(bad)
    fetched = {tp: SimpleNamespace(_partition_records=one) for tp, one in zip(places, (good, bad), strict=True)}
    assert "not UTF-8: b, partition 3, offset 2 (" in _unreadable(fetched)


async def test_l1_an_unacknowledged_head_is_never_passed() -> None:
    for committed in (None, 4):
        books = Books(a=40)
        if committed is not None:
            books.kafka.committed[A] = committed
        await books.assign()
        first, second = (*await books.look(), *await books.look())
        second.ack()
        await books.consumer.commit()
        assert books.kafka.committed.get(A) == committed
        first.ack()
        await books.consumer.commit()
        assert books.kafka.committed[A] == second.last_offset + 1


@pytest.mark.parametrize("way", ["ack", "inlined"])
async def test_l2_l5_l6_faust_acknowledging_by_itself_commits_nothing(way: str) -> None:
    books = Books(a=10)
    await books.assign()
    (chunk,) = await books.look()
    message = Message("a", 0, chunk.last_offset, 0.0, 0, None, None, None, None, tp=A)
    if way == "ack":  # after an exception, a cancellation, a failed decoding, a stale generation
        books.consumer.ack(message)
    else:  # as the compiled stream iterator does, without calling the consumer
        books.consumer._acked_index[A].add(chunk.last_offset)
        books.consumer._acked[A].append(chunk.last_offset)
    await books.consumer.commit()
    assert books.kafka.committed == {}


async def test_a_commit_that_failed_is_made_again() -> None:
    books = Books(a=10)
    await books.assign()
    (chunk,) = await books.look()
    chunk.ack()
    books.kafka.commits_succeed = False
    await books.consumer.commit()
    assert books.kafka.committed == {}
    books.kafka.commits_succeed = True
    await books.consumer.commit()
    assert books.kafka.committed == {A: 10}


async def test_what_is_done_is_committed_when_partitions_go() -> None:
    books = Books(a=10)
    await books.assign()
    (chunk,) = await books.look()
    chunk.ack()
    await books.revoke()
    assert books.kafka.committed == {A: 10}


async def test_an_older_generations_work_acknowledges_nothing() -> None:
    books = Books(a=10)
    await books.assign(1)
    (chunk,) = await books.look()
    await books.revoke()
    await books.assign(2)
    chunk.ack()
    await books.consumer.commit()
    assert books.kafka.committed == {}
    assert not chunk.current
    (again,) = await books.look()
    assert again.first_offset == 0


async def test_a_held_partition_loses_nothing_and_others_go_on() -> None:
    books = Books(a=30, b=30)
    await books.assign()
    await books.look()
    books.consumer.hold("a", 0)
    await books.look()
    await books.look()
    assert len(books.offsets(B)) == 30
    books.consumer.release("a", 0)
    while await books.look():
        pass
    assert books.offsets(A) == list(range(30))
    assert books.offsets(B) == list(range(30))


async def test_records_fetched_while_a_rebalance_came_between_are_fetched_again() -> None:
    books = Books(a=25)
    await books.assign(1)
    # The fetch outlasts the rebalance, and then moves the new position on.
    books.kafka.gate = asyncio.Event()
    looking = asyncio.create_task(books.look())
    await asyncio.sleep(0)
    await books.revoke()
    await books.assign(2)
    books.kafka.gate.set()
    assert await looking == []
    while await books.look():
        pass
    assert books.offsets(A) == list(range(25))


async def test_seeking_that_a_rebalance_overtook_opens_no_ledger() -> None:
    books = Books(a=10)
    books.app.consumer_generation_id = 1
    seeking = asyncio.create_task(books.consumer.perform_seek())
    books.consumer._close_trackers()  # revoked before the task has run
    await seeking
    await books.revoke()
    books.consumer.resume_flow()
    assert books.consumer.assigned("a") == set()


async def test_nothing_is_handed_out_before_the_flow_resumes() -> None:
    books = Books(a=10)
    await books.consumer.perform_seek()
    assert books.consumer.assigned("a") == set()
    books.consumer.resume_flow()
    assert books.consumer.assigned("a") == {0}


async def test_a_partition_with_enough_in_work_is_left_alone() -> None:
    books = Books(a=100_000)
    books.kafka.most = 2000
    await books.assign()
    while await books.look():
        pass
    assert len(books.offsets(A)) == 4 * Settings().chunk_records
    books.handed_out[0].ack()
    assert len(await books.look()) == 1


async def test_at_end_tells_of_partitions_without_any_message() -> None:
    books = Books(a=0, b=5)
    await books.assign()
    assert not books.consumer.at_end("a", 0)
    (chunk,) = await books.look()
    assert books.consumer.at_end("a", 0)
    assert not books.consumer.at_end("b", 0)
    chunk.take()
    assert books.consumer.at_end("b", 0)
