"""INGEST: an input partition with too many refusals in a row is paused, and nothing else."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from schemas.kinds.purchase import Purchase
from schemas.pauses import PauseNote, ResumeRequest, decode_note, decode_request, encode_request
from schemas.topics import DEAD_LETTERS, RESUME_REQUESTS
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from tests.unit.agents.ingest_bench import (
    IDLE,
    NOW,
    PAGE_VIEWS,
    PURCHASES,
    Bench,
    SourceRecord,
    bench,
    final_until,
    sent,
    until,
)

GOOD = sent("purchase", NOW - 100)
PAUSED_SINCE = "touchline_input_paused_timestamp_seconds"
BEHIND = "touchline_paused_input_behind_seconds"


def bad(*numbers: int) -> list[bytes]:
    return [b"bad %d" % number for number in numbers]


def letters(it: Bench) -> list[bytes | None]:
    return [letter.value for letter in it.producer.to(DEAD_LETTERS)]


def committed(it: Bench, partition: int = 0) -> int | None:
    return it.consumer.trackers[PURCHASES, partition].to_commit()


def gauge(it: Bench, name: str, partition: int = 0) -> float | None:
    return it.telemetry.registry.get_sample_value(name, {"topic": PURCHASES, "partition": str(partition)})


def requests(*values: bytes | None, partition: int = 0) -> Chunk:
    tracker = OffsetTracker(RESUME_REQUESTS, partition, 0, None, 1 << 20, 1 << 30)
    records = [SourceRecord(value, offset) for offset, value in enumerate(values)]
    (chunk,) = tracker.track(Fetched(records, len(records), len(records)), 1 << 30)
    return chunk


async def paused_after(it: Bench, *values: bytes, partition: int = 0) -> None:
    it.give(PURCHASES, *values, partition=partition)
    await until(lambda: (PURCHASES, partition) in it.consumer.paused)
    await final_until()


async def test_what_is_dead_lettered_is_acknowledged_and_what_is_behind_it_waits() -> None:
    async with bench(refusals=3) as it:
        with capture_logs() as logs:
            await paused_after(it, *bad(0), GOOD, *bad(2, 3, 4, 5, 6, 7))
        assert letters(it) == bad(0, 2, 3, 4, 5)
        assert len(it.log()) == 1
        assert committed(it) == 6
        [entry] = [entry for entry in logs if entry["log_level"] == "error"]
        assert (entry["topic"], entry["partition"], entry["offset"]) == (PURCHASES, 0, 5)
        assert (entry["refused_in_a_row"], entry["taken_up_in_s"]) == (4, 60)
        assert entry["reason"] == "undecodable"
        assert gauge(it, PAUSED_SINCE) == NOW / 1000
        assert not it.run.done()


async def test_only_that_partition_of_that_topic_waits() -> None:
    async with bench(partitions=2, refusals=3) as it:
        await paused_after(it, *bad(0, 1, 2, 3))
        others = [
            it.give(PURCHASES, sent("purchase", NOW - 50), partition=1),
            it.give(PAGE_VIEWS, sent("page_view", NOW - 40)),
        ]
        await until(lambda: all(chunk.acked for chunk in others))
        assert list(it.consumer.paused) == [(PURCHASES, 0)]


async def test_a_run_of_refusals_may_be_as_long_as_the_limit() -> None:
    async with bench(refusals=3) as it:
        first = it.give(PURCHASES, *bad(0, 1, 2), GOOD, *bad(4, 5))
        second = it.give(PURCHASES, *bad(6), GOOD, *bad(8))
        await until(lambda: first.acked and second.acked)
        assert it.consumer.paused == {}


async def test_after_the_pause_it_is_taken_up_where_it_was_and_each_message_is_a_dead_letter_once() -> None:
    async with bench(refusals=3) as it:
        await paused_after(it, *bad(0, 1, 2, 3, 4), sent("purchase", NOW - 90))
        behind = it.give(PURCHASES, *bad(6), sent("purchase", NOW - 80))
        await it.pass_time(59_000)
        assert (letters(it), behind.acked) == (bad(0, 1, 2, 3), False)
        await it.pass_time(1_000)
        await until(lambda: behind.acked)
        assert letters(it) == bad(0, 1, 2, 3, 4, 6)
        bought = [record.occurred_at - NOW for record in it.log() if isinstance(record, Purchase)]
        assert bought == [-90, -80]
        assert committed(it) == 8
        assert it.consumer.paused == {}
        assert gauge(it, PAUSED_SINCE) is None


async def test_a_further_pause_is_twice_as_long_and_the_first_after_an_accepted_message_is_not() -> None:
    async with bench(refusals=3, pause_s=10) as it:
        await paused_after(it, *bad(*range(9)), GOOD, *bad(*range(10, 15)))
        await it.pass_time(10_000)
        assert letters(it) == bad(*range(8))
        await it.pass_time(19_000)
        assert letters(it) == bad(*range(8))
        await it.pass_time(1_000)
        assert letters(it) == bad(*range(9), *range(10, 14))
        assert gauge(it, PAUSED_SINCE) == NOW / 1000 + 30
        await it.pass_time(10_000)
        assert letters(it) == bad(*range(9), *range(10, 15))
        assert it.consumer.paused == {}


async def test_what_is_kept_behind_a_further_pause_is_kept_on() -> None:
    async with bench(refusals=3, pause_s=10) as it:
        await paused_after(it, *bad(*range(9)))
        behind = [it.give(PURCHASES, *bad(9)), it.give(PURCHASES, GOOD, *bad(11))]
        await it.pass_time(10_000)
        assert letters(it) == bad(*range(8))
        await it.pass_time(20_000)
        await until(lambda: all(chunk.acked for chunk in behind))
        assert letters(it) == bad(*range(10), 11)
        assert committed(it) == 12


async def test_a_pause_ends_when_a_person_asks_for_it() -> None:
    async with bench(partitions=2, refusals=3) as it:
        await paused_after(it, *bad(0, 1, 2, 3), GOOD, partition=1)
        for other in (requests(encode_request(ResumeRequest(PURCHASES))), requests(b"no request", None, partition=1)):
            await it.ingest.obey(other)
            assert other.acked
        assert list(it.consumer.paused) == [(PURCHASES, 1)]
        asked = requests(
            encode_request(ResumeRequest(PAGE_VIEWS)), encode_request(ResumeRequest(PURCHASES)), partition=1
        )
        await it.ingest.obey(asked)
        await until(lambda: committed(it, 1) == 5)
        assert it.consumer.paused == {}
        assert asked.acked


async def test_time_waits_for_a_paused_input_and_then_goes_on() -> None:
    async with bench(refusals=3, pause_s=10_000, hold_s=60) as it:
        await paused_after(it, GOOD, *bad(0, 1, 2, 3))
        note = decode_note(it.consumer.paused[PURCHASES, 0])
        assert note == PauseNote(since=NOW, hold_until=NOW + 60_000, reached=NOW - 100)
        await it.pass_time(59_000)
        await it.ingest.report()
        assert {watermark for _, watermark in it.producer.reported()} <= {NOW - 100}
        assert gauge(it, BEHIND) == 0
        await it.pass_time(1_000)
        await it.ingest.report()
        assert it.producer.reported()[-1] == (0, NOW + 60_000)
        assert gauge(it, BEHIND) == 60.1


async def test_the_next_owner_begins_behind_the_last_dead_letter() -> None:
    async with bench(refusals=3) as it:
        await paused_after(it, *bad(0, 1, 2, 3, 4))
        begins = committed(it)
        it.consumer.rebalance()
        it.ingest.close_tasks()
        assert gauge(it, PAUSED_SINCE) is None
        assert gauge(it, BEHIND) is None
        again = it.give(PURCHASES, *bad(4), GOOD)
        await until(lambda: again.acked)
        assert begins == 4
        assert letters(it) == bad(0, 1, 2, 3, 4)


async def test_what_was_kept_of_a_partition_that_was_taken_away_is_not_validated() -> None:
    async with bench(refusals=3) as it:
        await paused_after(it, *bad(0, 1, 2, 3, 4))
        it.consumer.rebalance()
        await it.pass_time(60_000)
        assert letters(it) == bad(0, 1, 2, 3)


async def test_a_paused_input_does_not_count_as_silent() -> None:
    async with bench(refusals=3) as it:
        await paused_after(it, *bad(0, 1, 2, 3))
        await it.pass_time(4 * IDLE)
        await it.ingest.report()
        assert it.producer.reported() == [], "nobody knows from when the unread messages are"


@pytest.mark.parametrize("value", [b'{"topic": "\xff"}', b"[" * 100_000, b'{"topic": 7}', b"\xff", b"", None])
def test_a_request_that_nobody_can_read_is_no_request(value: bytes | None) -> None:
    assert decode_request(value) is None


@pytest.mark.parametrize("since", [-(1 << 63), (1 << 63) - 1, 10_413_792_000_000])
def test_a_note_of_somebody_else_whose_time_is_none_is_no_note(since: int) -> None:
    assert decode_note(f'{{"since":{since},"hold_until":0,"reached":0}}') is None
    assert decode_note('{"since":10413791999999,"hold_until":0,"reached":0}') is not None
