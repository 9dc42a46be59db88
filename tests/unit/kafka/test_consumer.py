"""The chunk consumer: each way in which Faust's own bookkeeping loses messages, tried on ours."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from faust.types import TP, Message

from streams.kafka.consumer import ChunkConsumer, consumer_of
from streams.kafka.fetcher import ChunkThread
from streams.kafka.offsets import Chunk
from streams.process.app import TouchlineApp, new_app
from streams.settings import Settings
from tests.unit.streams.records import FakeThread, records

A = TP("a", 0)
B = TP("b", 0)


class Harness:
    """A consumer on a Kafka without network, and what it delivered."""

    def __init__(self, **logs: int) -> None:
        self.app: TouchlineApp = new_app(Settings(), "test")
        self.consumer: ChunkConsumer = consumer_of(self.app)
        self.kafka = FakeThread({TP(name, 0): records(0, count) for name, count in logs.items()})
        self.consumer._thread = cast(ChunkThread, self.kafka)
        self.delivered: list[Chunk] = []

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

    async def poll(self) -> list[Chunk]:
        chunks = await self.consumer._next_chunks()
        self.delivered += chunks
        return chunks

    def offsets(self, tp: TP) -> list[int]:
        return [
            record.offset
            for chunk in self.delivered
            if TP(chunk.topic, chunk.partition) == tp
            for record in chunk.records
        ]


async def test_l1_an_unacknowledged_head_is_never_passed() -> None:
    for committed in (None, 4):
        harness = Harness(a=40)
        if committed is not None:
            harness.kafka.committed[A] = committed
        await harness.assign()
        first, second = (*await harness.poll(), *await harness.poll())
        second.ack()
        await harness.consumer.commit()
        assert harness.kafka.committed.get(A) == committed
        first.ack()
        await harness.consumer.commit()
        assert harness.kafka.committed[A] == second.last_offset + 1


@pytest.mark.parametrize("way", ["ack", "inlined"])
async def test_l2_l5_l6_faust_acknowledging_by_itself_commits_nothing(way: str) -> None:
    harness = Harness(a=10)
    await harness.assign()
    (chunk,) = await harness.poll()
    message = Message(
        topic="a",
        partition=0,
        offset=chunk.last_offset,
        timestamp=0.0,
        timestamp_type=0,
        headers=None,
        key=None,
        value=None,
        checksum=None,
        tp=A,
    )
    if way == "ack":  # after an exception, a cancellation, a failed decoding, a stale generation
        harness.consumer.ack(message)
    else:  # as the compiled stream iterator does, without calling the consumer
        harness.consumer._acked_index[A].add(chunk.last_offset)
        harness.consumer._acked[A].append(chunk.last_offset)
    await harness.consumer.commit()
    assert harness.kafka.committed == {}


async def test_a_commit_that_failed_is_made_again() -> None:
    harness = Harness(a=10)
    await harness.assign()
    (chunk,) = await harness.poll()
    chunk.ack()
    harness.kafka.commits_succeed = False
    await harness.consumer.commit()
    assert harness.kafka.committed == {}
    harness.kafka.commits_succeed = True
    await harness.consumer.commit()
    assert harness.kafka.committed == {A: 10}


async def test_what_is_done_is_committed_when_partitions_go() -> None:
    harness = Harness(a=10)
    await harness.assign()
    (chunk,) = await harness.poll()
    chunk.ack()
    await harness.revoke()
    assert harness.kafka.committed == {A: 10}


async def test_an_older_generations_work_acknowledges_nothing() -> None:
    harness = Harness(a=10)
    await harness.assign(1)
    (chunk,) = await harness.poll()
    await harness.revoke()
    await harness.assign(2)
    chunk.ack()
    await harness.consumer.commit()
    assert harness.kafka.committed == {}
    assert not chunk.current
    (again,) = await harness.poll()
    assert again.first_offset == 0


async def test_a_paused_partition_loses_nothing_and_others_go_on() -> None:
    harness = Harness(a=30, b=30)
    await harness.assign()
    await harness.poll()
    harness.consumer.pause("a", 0, "why")
    await harness.poll()
    await harness.poll()
    assert len(harness.offsets(B)) == 30
    harness.consumer.resume("a", 0)
    while await harness.poll():
        pass
    assert harness.offsets(A) == list(range(30))
    assert harness.offsets(B) == list(range(30))


async def test_the_note_of_a_pause_is_committed_with_the_offset_for_as_long_as_it_lasts() -> None:
    harness = Harness(a=10, b=10)
    await harness.assign()
    for chunk in await harness.poll():
        chunk.ack()
    await harness.consumer.commit()
    harness.kafka.committed.clear()
    harness.consumer.pause("a", 0, "why")
    await harness.consumer.commit()
    assert (harness.kafka.committed, harness.kafka.notes[A]) == ({A: 10}, "why"), "with the same offset"
    harness.kafka.committed.clear()
    harness.consumer.resume("a", 0)
    await harness.consumer.commit()
    assert (harness.kafka.committed, harness.kafka.notes[A]) == ({A: 10}, "")
    harness.consumer.pause("a", 0, "why")
    await harness.revoke()
    assert harness.kafka.notes == {}


async def test_records_fetched_while_a_rebalance_came_between_are_fetched_again() -> None:
    harness = Harness(a=25)
    await harness.assign(1)
    # The fetch outlasts the rebalance, and then moves the new position on.
    harness.kafka.gate = asyncio.Event()
    polling = asyncio.create_task(harness.poll())
    await asyncio.sleep(0)
    await harness.revoke()
    await harness.assign(2)
    harness.kafka.gate.set()
    assert await polling == []
    while await harness.poll():
        pass
    assert harness.offsets(A) == list(range(25))


async def test_seeking_that_a_rebalance_overtook_opens_no_tracker() -> None:
    harness = Harness(a=10)
    harness.app.consumer_generation_id = 1
    seeking = asyncio.create_task(harness.consumer.perform_seek())
    harness.consumer._close_trackers()  # revoked before the task has run
    await seeking
    await harness.revoke()
    harness.consumer.resume_flow()
    assert harness.consumer.assigned("a") == set()


async def test_nothing_is_delivered_before_the_flow_resumes() -> None:
    harness = Harness(a=10)
    await harness.consumer.perform_seek()
    assert harness.consumer.assigned("a") == set()
    assert harness.consumer.unacknowledged("a", 0) is None
    harness.consumer.resume_flow()
    assert harness.consumer.assigned("a") == {0}
    assert harness.consumer.unacknowledged("a", 0) == 0


async def test_a_partition_with_enough_in_work_is_left_alone() -> None:
    harness = Harness(a=100_000)
    harness.kafka.most = 2000
    await harness.assign()
    while await harness.poll():
        pass
    assert len(harness.offsets(A)) == 4 * Settings().chunk_records
    harness.delivered[0].ack()
    assert len(await harness.poll()) == 1


async def test_caught_up_tells_of_partitions_without_any_message() -> None:
    harness = Harness(a=0, b=5)
    await harness.assign()
    assert not harness.consumer.caught_up("a", 0)
    (chunk,) = await harness.poll()
    assert harness.consumer.caught_up("a", 0)
    assert not harness.consumer.caught_up("b", 0)
    chunk.begin()
    assert harness.consumer.caught_up("b", 0)
