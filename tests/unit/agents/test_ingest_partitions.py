"""INGEST: its ticks, what a rebalance takes away, and a schema registry that is away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import ConfluentRegistry, FileRegistry, Schema, current_schemas
from schemas.avro.registry_client import RegistryUnavailableError
from schemas.errors import UnknownSchemaError
from schemas.kinds.purchase import Purchase
from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, KIND_TOPICS, LINKS, WATERMARKS
from streams.agents import learning
from streams.kafka.offsets import Chunk
from tests.servers.schema_registry import running_registry
from tests.unit.agents.ingest_bench import (
    IDLE,
    NOW,
    PAGE_VIEWS,
    PURCHASES,
    bench,
    final_until,
    sent,
    sent_with_id,
    until,
)

# --- watermarks -----------------------------------------------------------------------------------


async def test_every_tasks_watermark_is_written_once() -> None:
    async with bench(partitions=3) as it:
        for partition in range(3):
            it.give(PURCHASES, sent("purchase", NOW - 10 * partition), partition=partition)
        await until(lambda: len(it.producer.to(JOURNEYS_LOG)) == 3)
        await it.ingest.report()
        await it.ingest.report()
        assert sorted(it.reported()) == [(0, NOW), (1, NOW - 10), (2, NOW - 20)]
        assert {message.key for message in it.producer.to(WATERMARKS)} == {b"3/0", b"3/1", b"3/2"}
        assert it.value("touchline_watermark_timestamp_seconds", task="1") == (NOW - 10) / 1000


async def test_no_watermark_is_written_while_it_is_unknown() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        it.give(PURCHASES, sent("purchase"))
        await final_until()
        await it.ingest.report()
        assert it.producer.batches == []


async def test_a_watermark_waits_until_the_records_before_it_are_acknowledged() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        it.give(PURCHASES, sent("purchase"))
        await until(lambda: it.producer.batches)
        report = asyncio.create_task(it.ingest.report())
        await final_until()
        assert len(it.producer.batches) == 1
        it.producer.gate.set()
        await report
        assert [topic for topic, _, _ in it.producer.acknowledged] == [JOURNEYS_LOG, WATERMARKS]


async def test_empty_partitions_tell_the_wall_clock_after_the_idle_time() -> None:
    async with bench(partitions=2) as it:
        await it.pass_time(IDLE - 1000)
        await it.ingest.report()
        assert it.reported() == []
        await it.pass_time(1000)
        await it.ingest.report()
        assert sorted(it.reported()) == [(0, NOW + IDLE), (1, NOW + IDLE)]


async def test_a_chunk_on_its_way_to_its_task_keeps_the_clock_back() -> None:
    async with bench() as it:
        await it.pass_time(IDLE)
        it.consumer.unread.add((PURCHASES, 0))
        await it.ingest.report()
        assert it.reported() == []


async def test_tasks_whose_partitions_are_not_ours_write_no_watermark() -> None:
    async with bench(partitions=2) as it:
        it.consumer.rebalance()
        it.ingest.close_tasks()
        it.consumer.partitions = {1}
        await it.pass_time(2 * IDLE)
        await it.ingest.report()
        assert it.reported() == [(1, NOW + 2 * IDLE)]


# --- rebalances ----------------------------------------------------------------------------------


async def test_what_was_buffered_when_partitions_were_taken_away_is_written_once_when_read_again() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        before = it.give(PURCHASES, sent("purchase"))
        await final_until()
        it.consumer.rebalance()
        it.ingest.close_tasks()
        it.consumer.unread.clear()
        await it.ingest.wake_tasks()
        await final_until()
        assert it.producer.batches == []
        again = it.give(PURCHASES, sent("purchase"))
        await until(lambda: again.acked)
        assert not before.acked
        assert len(it.log()) == 1


async def test_a_link_whose_write_a_rebalance_broke_off_is_written_when_read_again_by_the_same_worker() -> None:
    login = sent("purchase", customer="ann", identifiers={"email": "ann@example.com"})
    async with bench() as it:
        it.producer.gate.clear()
        before = it.give(PURCHASES, login)
        await final_until()
        it.consumer.rebalance()
        it.ingest.close_tasks()
        it.producer.gate.set()
        await it.ingest.wake_tasks()

        again = it.give(PURCHASES, login, login)
        await until(lambda: again.acked)

        assert not before.acked
        assert len(it.producer.to(LINKS)) == 1


async def test_a_rebalance_shows_in_the_chunks_too() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        it.give(PURCHASES, sent("purchase"))
        await final_until()
        it.consumer.rebalance()
        it.consumer.unread.clear()
        again = it.give(PURCHASES, sent("purchase"))
        await until(lambda: again.acked)
        assert len(it.log()) == 1


async def test_the_watermark_of_a_task_that_is_no_longer_ours_is_not_shown() -> None:
    async with bench() as it:
        it.give(PURCHASES, sent("purchase"))
        await until(it.log)
        await it.ingest.report()
        it.ingest.close_tasks()
        assert it.telemetry.registry.get_sample_value("touchline_watermark_timestamp_seconds", {"task": "0"}) is None


async def test_what_is_under_way_when_partitions_are_taken_away_is_not_acknowledged() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        chunk = it.give(PURCHASES, sent("purchase"))
        await until(lambda: it.producer.batches)
        it.consumer.rebalance()
        it.ingest.close_tasks()
        it.producer.gate.set()
        await final_until()
        assert not chunk.acked
        assert not it.run.done()


async def test_the_rest_of_what_was_taken_away_is_not_written() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        it.give(PURCHASES, *(sent("purchase", NOW - 5000 + n) for n in range(3000)))
        await until(lambda: it.producer.batches)
        it.ingest.close_tasks()
        it.producer.gate.set()
        await final_until()
        assert len(it.producer.batches) == 1


async def test_a_task_that_was_taken_away_while_its_tick_waited_does_not_tick() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        it.give(PURCHASES, sent("purchase"))
        await until(lambda: it.producer.batches)
        report = asyncio.create_task(it.ingest.report())
        await final_until()
        it.ingest.close_tasks()
        it.producer.gate.set()
        await report
        assert it.log() == []


# --- the schema registry -------------------------------------------------------------------------


class FlakyRegistry:
    """Knows one id, and is away at first."""

    def __init__(self, known: int, failures: int) -> None:
        self.known = known
        self.failures = failures
        self.asked: list[int] = []

    def by_fingerprint(self, fingerprint: bytes) -> Schema:
        return FileRegistry().by_fingerprint(fingerprint)

    def by_id(self, schema_id: int) -> Schema:
        self.asked.append(schema_id)
        if self.failures:
            self.failures -= 1
            raise RegistryUnavailableError("away")
        if schema_id != self.known:
            raise UnknownSchemaError(f"id {schema_id}")
        return current_schemas()["Purchase"]


async def test_a_registry_that_is_away_is_asked_until_it_answers() -> None:
    registry = FlakyRegistry(known=7, failures=3)
    async with bench(codec=Codec(registry)) as it:
        chunk = it.give(PURCHASES, sent_with_id("purchase", 7), sent_with_id("purchase", 7))
        await until(lambda: chunk.acked)
        assert len(it.log()) == 2
        assert it.producer.to(DEAD_LETTERS) == []
        assert registry.asked == [7, 7, 7, 7]
        assert it.slept == [0.2, 0.4, 0.8]
        assert it.value("touchline_retries_total", operation="schema_registry") == 3


async def test_while_an_input_waits_for_a_schema_all_others_flow_and_the_watermark_waits() -> None:
    registry = FlakyRegistry(known=7, failures=10**9)
    async with bench(partitions=2, codec=Codec(registry)) as it:
        before = it.give(PURCHASES, sent("purchase", NOW - 60))
        await until(lambda: before.acked)
        waiting = it.give(PURCHASES, sent_with_id("purchase", 7, NOW - 50))
        behind = it.give(PURCHASES, sent("purchase", NOW - 45))
        others = [
            it.give(PAGE_VIEWS, sent("page_view", NOW - 40)),
            it.give(PURCHASES, sent("purchase", NOW - 30), partition=1),
            it.give(PAGE_VIEWS, sent("page_view", NOW - 20), partition=1),
        ]
        await until(lambda: all(chunk.acked for chunk in others))
        assert len(it.slept) > 1
        it.now += 10 * IDLE
        await it.ingest.report()
        assert all(watermark <= NOW - 50 for task, watermark in it.reported() if task == 0), "it is still to come"
        assert not waiting.acked
        assert not behind.acked

        registry.failures = 0
        await until(lambda: waiting.acked and behind.acked)
        assert it.producer.to(DEAD_LETTERS) == []
        bought = [one.occurred_at - NOW for one in it.log(0) + it.log(1) if isinstance(one, Purchase)]
        assert sorted(bought) == [-60, -50, -45, -30]


async def test_a_schema_that_cannot_be_had_in_time_is_refused_and_asked_for_once_more_a_chunk() -> None:
    registry = FlakyRegistry(known=7, failures=10**9)
    async with bench(codec=Codec(registry), schema_wait_s=0.05) as it:
        values = [sent_with_id("purchase", 7), sent("purchase", NOW - 1)]
        chunk = it.give(PURCHASES, *values)
        await until(lambda: chunk.acked)
        [letter] = it.producer.to(DEAD_LETTERS)
        headers = dict(letter.headers)
        assert (letter.value, headers["dlq.reason"]) == (values[0], b"unknown_schema")
        assert b"id 7 could not be had of the schema registry within 0.05 s" in (headers["dlq.detail"] or b"")
        assert len(it.log()) == 1

        asked = len(registry.asked)
        assert it.value("touchline_retries_total", operation="schema_registry") >= asked - 1, "one may be under way"
        again = it.give(PURCHASES, *values)
        await until(lambda: again.acked)
        assert len(registry.asked) == asked + 1
        assert it.value("touchline_retries_total", operation="schema_registry") >= asked, "an outage stays to be seen"
        assert len(it.producer.to(DEAD_LETTERS)) == 2

        registry.failures = 0
        replayed = it.give(PURCHASES, values[0])
        await until(lambda: replayed.acked)
        assert len(it.producer.to(DEAD_LETTERS)) == 2
        assert len(it.log()) == 3


async def test_what_is_no_id_asks_nobody_and_holds_nobody_up() -> None:
    with running_registry() as server:
        codec = Codec(ConfluentRegistry(f"http://{server.place}", FileRegistry()))
        async with bench(codec=codec) as it:
            chunk = it.give(PURCHASES, b"\0\xff\xff\xff\xff", b"\0\0\0\0\0", sent("purchase"))
            await until(lambda: chunk.acked)
            reasons = [dict(letter.headers)["dlq.reason"] for letter in it.producer.to(DEAD_LETTERS)]
            assert reasons == [b"unknown_schema"] * 2
            assert len(it.log()) == 1
            assert server.asked == []


async def test_a_schema_that_can_be_had_is_learnt_beside_one_that_cannot() -> None:
    class Half(FlakyRegistry):
        def by_id(self, schema_id: int) -> Schema:
            if schema_id != self.known:
                raise RegistryUnavailableError("away")
            return super().by_id(schema_id)

    async with bench(codec=Codec(Half(known=7, failures=0)), schema_wait_s=0.05) as it:
        chunk = it.give(PURCHASES, sent_with_id("purchase", 8), sent_with_id("purchase", 7))
        await until(lambda: chunk.acked)
        assert [letter.value for letter in it.producer.to(DEAD_LETTERS)] == [sent_with_id("purchase", 8)]
        assert len(it.log()) == 1


async def test_an_id_that_the_registry_does_not_know_is_asked_for_once_a_chunk() -> None:
    registry = FlakyRegistry(known=7, failures=0)
    async with bench(codec=Codec(registry)) as it:
        chunk = it.give(PURCHASES, *[sent_with_id("purchase", 8)] * 5, sent_with_id("purchase", 7))
        await until(lambda: chunk.acked)
        assert len(it.producer.to(DEAD_LETTERS)) == 5
        assert len(it.log()) == 1
        assert sorted(registry.asked) == [7, 8]


async def test_a_chunk_that_is_taken_away_while_the_registry_is_away_is_given_up() -> None:
    registry = FlakyRegistry(known=7, failures=10**9)
    async with bench(codec=Codec(registry)) as it:
        it.give(PURCHASES, sent_with_id("purchase", 7))
        await until(lambda: it.slept)
        it.consumer.rebalance()
        it.ingest.close_tasks()
        again = it.give(PURCHASES, sent("purchase"))
        await until(lambda: again.acked)
        assert len(it.log()) == 1


async def test_a_schema_that_was_met_is_decoded_without_a_detour() -> None:
    class Counting(Codec):
        learnt = decoded = 0

        def learn(self, kind: str, data: bytes) -> int:
            self.learnt += 1
            return super().learn(kind, data)

        def decode(self, kind: str, data: bytes) -> dict[str, Any]:
            self.decoded += 1
            return super().decode(kind, data)

    codec = Counting(FlakyRegistry(known=7, failures=0))
    async with bench(codec=codec) as it:
        for _ in range(3):
            chunk = it.give(PURCHASES, sent_with_id("purchase", 7))
            await until(lambda chunk=chunk: chunk.acked)  # type: ignore[misc]  # a default is no argument
        assert (codec.learnt, codec.decoded) == (1, 3)


def test_every_input_topic_has_its_record() -> None:
    assert KIND_RECORDS.keys() == KIND_TOPICS.keys()


@pytest.mark.parametrize(("refused_s", "asked"), [(30.0, 1), (-1.0, 2)])
async def test_a_schema_that_is_refused_is_not_read_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch, refused_s: float, asked: int
) -> None:
    monkeypatch.setattr(learning, "REFUSED_S", refused_s)
    registry, given = FlakyRegistry(known=7, failures=0), list[Chunk]()
    async with bench(codec=Codec(registry)) as it:
        for _ in range(2):
            given.append(it.give(PURCHASES, sent_with_id("purchase", 8), sent_with_id("purchase", 7)))
            await until(lambda: given[-1].acked)
        assert [dict(letter.headers)["dlq.reason"] for letter in it.producer.to(DEAD_LETTERS)] == [
            b"unknown_schema"
        ] * 2
        assert registry.asked.count(8) == asked
        assert len(it.log()) == 2
