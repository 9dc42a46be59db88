"""INGEST: what it writes, in which order, and when it acknowledges."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiokafka.partitioner import DefaultPartitioner
from structlog.testing import capture_logs

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.identity_links import CUSTOMER, IdentitiesStated
from schemas.identity_links import decode as decode_link
from schemas.journey_log import Touchpoint
from schemas.kinds.page_view import PageView
from schemas.kinds.purchase import Purchase
from schemas.rows import BusinessChangeRow, MarketingSpendRow
from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, KIND_TOPICS, LINKS
from streams.kafka.producer import Message
from tests.unit.agents.ingest_bench import (
    DAY,
    DELAY,
    EPOCH,
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

# --- the journeys log ----------------------------------------------------------------------------


async def test_the_topics_are_merged_by_event_time_each_record_with_its_clock() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        bought = it.give(PURCHASES, sent("purchase", NOW - 900), sent("purchase", NOW - 100))
        await final_until()
        assert it.log() == [], "page views may still come from before"
        it.consumer.unread.clear()
        seen = it.give(PAGE_VIEWS, sent("page_view", NOW - 950), sent("page_view", NOW - 500))
        await until(lambda: bought.acked and seen.acked)
        times = [record.occurred_at - NOW for record in it.log() if isinstance(record, Touchpoint)]
        clocks = [record.watermark - NOW for record in it.log()]
        assert times == [-950, -900, -500, -100]
        assert clocks == [-950, -900, -500, -500], "nobody knows yet whether page views are silent"


async def test_a_record_says_where_it_is_from() -> None:
    async with bench(partitions=2) as it:
        chunk = it.give(
            PAGE_VIEWS,
            sent("page_view", customer=None, identifiers={"cookie": "x"}, page="/a"),
            sent("page_view", customer=None, identifiers={"cookie": "x"}, page="/b"),
            partition=1,
        )
        await until(lambda: chunk.acked)
        [second] = [
            record
            for partition in (0, 1)
            for record in it.log(partition)
            if isinstance(record, PageView) and record.page == "/b"
        ]
        assert (second.task, second.source_offset, second.received_at) == (1, 1, NOW - 7)
        assert second.customer_key == "anon:cookie:x"
        assert {message.key for message in it.producer.to(JOURNEYS_LOG) if message.key} == {b"anon:cookie:x"}


async def test_records_go_to_the_partition_that_kafkas_own_partitioner_gives_their_customer_key() -> None:
    customers = [f"kunde-{n}-ä" for n in range(50)]
    async with bench(partitions=4) as it:
        chunk = it.give(PURCHASES, *(sent("purchase", customer=one) for one in customers))
        await until(lambda: chunk.acked)
        found = {
            message.key: partition
            for topic, partition, message in it.producer.acknowledged
            if topic == JOURNEYS_LOG and message.key
        }
        choose = DefaultPartitioner()
        assert found == {one.encode(): choose(one.encode(), [0, 1, 2, 3], []) for one in customers}


async def test_more_than_a_batch_keeps_its_order() -> None:
    async with bench() as it:
        chunk = it.give(PURCHASES, *(sent("purchase", NOW - 5000 + n) for n in range(4500)))
        await until(lambda: chunk.acked)
        written = [record for record in it.log() if isinstance(record, Purchase)]
        assert [record.source_offset for record in written] == list(range(4500))
        assert it.value("touchline_touchpoints_processed_total", stage="ingest") == 4500


async def test_an_input_that_gives_nothing_holds_the_others_only_for_the_idle_time() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        chunk = it.give(PURCHASES, sent("purchase"))
        await it.pass_time(IDLE - 1000)
        assert not chunk.acked
        await it.pass_time(1000)
        assert chunk.acked


# --- facts ---------------------------------------------------------------------------------------


async def test_what_is_no_customers_becomes_rows_of_its_table() -> None:
    async with bench(partitions=2) as it:
        change = it.give(KIND_TOPICS["business_change"], sent("business_change"), partition=1)
        spend = it.give(KIND_TOPICS["marketing_spend"], sent("marketing_spend"), partition=1)
        await until(lambda: change.acked and spend.acked)
        [message, said] = it.producer.to("facts.business_changes.v1")
        _, [row] = msgspec.msgpack.decode(message.value or b"", type=tuple[int, list[BusinessChangeRow]])
        assert (row.change_id, row.name, row.version >> 48) == ("ch-1", "new prices", EPOCH)
        assert statement(said) == ["business_change", row.occurred_at, "stated", "ch-1", row.event_id, row.version]
        [message, said] = it.producer.to("facts.marketing_spend.v1")
        _, [spent] = msgspec.msgpack.decode(message.value or b"", type=tuple[int, list[MarketingSpendRow]])
        assert (spent.spend_id, spent.amount_minor, spent.version >> 48) == ("m-1", 5, EPOCH)
        assert statement(said) == ["marketing_spend", spent.occurred_at, "stated", "m-1", spent.event_id, spent.version]
        assert it.producer.to(JOURNEYS_LOG) == []


def statement(message: Message) -> list[object]:
    """Return the row that says that a fact was stated: it stands behind the fact, its key names the table."""
    _, [row] = msgspec.msgpack.decode(message.value or b"", type=tuple[int, list[list[object]]])
    assert message.key == b"outcomes"
    return row


# --- refusals ------------------------------------------------------------------------------------

BAD: dict[str, tuple[str, bytes | None, str]] = {
    "garbage": ("purchase", b"\x17garbage", "undecodable"),
    "nothing": ("purchase", b"", "undecodable"),
    "a tombstone": ("purchase", None, "undecodable"),
    "another kind": ("purchase", sent("page_view"), "undecodable"),
    "cut short": ("purchase", sent("purchase")[:-1], "undecodable"),
    "a fingerprint nobody knows": ("purchase", b"\xc3\x01" + b"\x00" * 8 + b"body", "unknown_schema"),
    "a schema id without a registry": ("purchase", b"\x00\x00\x00\x00\x07body", "unknown_schema"),
    "an empty event_id": ("purchase", sent("purchase", event_id=""), "missing_field"),
    "nobody": ("purchase", sent("purchase", customer="guest"), "no_identity"),
    "before 1990": ("purchase", sent("purchase", 600_000_000_000), "invalid_time"),
    "over a day ahead": ("purchase", sent("purchase", NOW + 86_400_001), "invalid_time"),
    "eleven of ten": ("survey_answer", sent("survey_answer", score=11.0), "invalid_score"),
    "less than nothing": ("purchase", sent("purchase", amount_minor=-1), "invalid_amount"),
    "a long field": ("page_view", sent("page_view", source="s" * 257), "too_large"),
    "over 1 MiB": ("page_view", sent("page_view", page="x" * (1 << 20)), "too_large"),
}


@pytest.mark.parametrize(("kind", "value", "reason"), BAD.values(), ids=list(BAD))
async def test_what_is_refused_goes_to_the_dead_letters_as_it_came(kind: str, value: bytes | None, reason: str) -> None:
    async with bench(partitions=2) as it:
        chunk = it.give(KIND_TOPICS[kind], sent(kind), value, sent(kind), partition=1)
        await until(lambda: chunk.acked)
        [(_, partition, letter)] = [one for one in it.producer.acknowledged if one[0] == DEAD_LETTERS]
        assert partition == 1
        assert (letter.key, letter.value) == (b"advice", value)
        assert list(letter.headers[:2]) == [("trace", b"\x00\xff"), ("trace", b"again")]
        about = dict(letter.headers[2:])
        assert about["dlq.reason"] == reason.encode()
        assert about["dlq.topic"] == KIND_TOPICS[kind].encode()
        assert (about["dlq.partition"], about["dlq.offset"], about["dlq.stage"]) == (b"1", b"1", b"ingest")
        assert about["dlq.detail"]
        assert about["dlq.at"] == b"2026-09-21T14:13:20.000Z"  # NOW
        assert sum(len(it.log(number)) for number in (0, 1)) == 2, "the others are taken in"
        assert it.value("touchline_messages_refused_total", topic=KIND_TOPICS[kind], reason=reason) == 1
        assert it.value("touchline_messages_received_total", topic=KIND_TOPICS[kind]) == 3


async def test_identifiers_are_read_as_the_settings_say_and_what_is_ignored_is_counted() -> None:
    till = {"phone": "020 7946 0958", "device": "Kiosk-7", "crm": "null"}
    async with bench(phone_region="GB", placeholders=r"kiosk-\d+") as it:
        chunk = it.give(PURCHASES, sent("purchase", customer=None, identifiers=till))
        await until(lambda: chunk.acked)
        assert [record.customer_key for record in it.log() if isinstance(record, Purchase)] == [
            "anon:phone:+442079460958"
        ]
        assert it.value("touchline_identifiers_ignored_total", kind="device", reason="pattern") == 1
        assert it.value("touchline_identifiers_ignored_total", kind="other", reason="placeholder") == 1


# --- clocks that run ahead -----------------------------------------------------------------------


async def test_a_day_ahead_is_taken_in_and_moves_no_clock() -> None:
    async with bench() as it:
        chunk = it.give(
            PURCHASES,
            sent("purchase", NOW - 50),
            sent("purchase", NOW + DAY),
            sent("purchase", NOW - 40),
        )
        await until(lambda: chunk.acked)
        times = [record.occurred_at - NOW for record in it.log() if isinstance(record, Purchase)]
        assert times == [-50, DAY, -40]
        assert [record.watermark - NOW for record in it.log()] == [-50, -50, -40]
        assert it.value("touchline_touchpoints_ahead_total", topic=PURCHASES, source="shop") == 1


async def test_ahead_is_later_than_received_by_more_than_the_timers_delay() -> None:
    received_at = NOW - 10 * DAY
    async with bench() as it:
        records = [sent("purchase", received_at + ahead_ms) for ahead_ms in (DELAY, DELAY + 1)]
        chunk = it.give(PURCHASES, *records, timestamp=received_at)
        await until(lambda: chunk.acked)
        assert [record.watermark for record in it.log()] == [received_at + DELAY] * 2
        assert it.value("touchline_touchpoints_ahead_total", topic=PURCHASES, source="shop") == 1


async def test_a_producer_that_stamps_its_messages_with_its_own_wrong_clock_is_ahead() -> None:
    async with bench() as it:
        chunk = it.give(PURCHASES, sent("purchase", NOW + DAY), timestamp=NOW + DAY)
        await until(lambda: chunk.acked)
        assert it.value("touchline_touchpoints_ahead_total", topic=PURCHASES, source="shop") == 1


async def test_business_changes_and_spend_that_are_ahead_move_no_clock() -> None:
    async with bench() as it:
        chunks = [it.give(PURCHASES, sent("purchase", NOW - 30), sent("purchase", NOW - 20))]
        chunks += [it.give(KIND_TOPICS[kind], sent(kind, NOW + DAY)) for kind in ("business_change", "marketing_spend")]
        await until(lambda: all(chunk.acked for chunk in chunks))
        await it.ingest.report()
        assert [record.watermark - NOW for record in it.log()] == [-30, -20]
        assert it.reported() == [(0, NOW - 20)]
        for kind in ("business_change", "marketing_spend"):
            assert it.value("touchline_touchpoints_ahead_total", topic=KIND_TOPICS[kind], source="shop") == 1
        assert len(it.producer.to("facts.business_changes.v1")) == len(it.producer.to("facts.marketing_spend.v1")) == 2


async def test_a_chunk_of_refusals_only_is_acknowledged_after_its_dead_letters() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))  # the merge waits, the dead letters do not
        it.producer.gate.clear()
        chunk = it.give(PURCHASES, b"bad", b"bad")
        await until(lambda: it.producer.batches)
        await final_until()
        assert not chunk.acked
        it.producer.gate.set()
        await until(lambda: chunk.acked)
        assert len(it.producer.to(DEAD_LETTERS)) == 2


# --- acknowledging -------------------------------------------------------------------------------


async def test_a_chunk_is_acknowledged_only_after_kafka_has_all_that_came_of_it() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        chunk = it.give(PURCHASES, sent("purchase"), b"bad")
        await until(lambda: it.producer.batches)
        await final_until()
        assert not chunk.acked
        assert it.consumer.trackers[PURCHASES, 0].to_commit() is None
        it.producer.gate.set()
        await until(lambda: chunk.acked)
        assert it.consumer.trackers[PURCHASES, 0].to_commit() == 2


async def test_a_chunk_with_a_record_that_still_waits_is_not_acknowledged() -> None:
    async with bench() as it:
        first = it.give(PURCHASES, sent("purchase", NOW - 9), sent("purchase", NOW - 5), more=True)
        second = it.give(PAGE_VIEWS, sent("page_view", NOW - 7))
        await until(lambda: second.acked)
        assert first.acked, "its last record was written; it is the next one that is waited for"
        third = it.give(PAGE_VIEWS, sent("page_view", NOW - 4))
        await final_until()
        assert not third.acked


async def test_when_kafka_will_never_take_it_nothing_is_acknowledged_and_the_worker_stops() -> None:
    async with bench() as it:
        it.producer.error = RuntimeError("too large")
        chunk = it.give(PURCHASES, sent("purchase"), b"bad")
        with pytest.raises(RuntimeError, match="too large"):
            await it.run
        assert not chunk.acked


async def test_a_message_that_breaks_its_decoder_is_refused_and_the_error_logged_once() -> None:
    class Broken(Codec):
        def decode(self, kind: str, data: bytes) -> dict[str, Any]:
            if data == b"poison":
                raise ZeroDivisionError("by nought")
            return super().decode(kind, data)

    async with bench(codec=Broken(FileRegistry())) as it:
        with capture_logs() as logs:
            chunk = it.give(PURCHASES, sent("purchase"), b"poison", b"poison", sent("purchase"))
            await until(lambda: chunk.acked)
        assert len(it.log()) == 2
        letters = [dict(letter.headers) for letter in it.producer.to(DEAD_LETTERS)]
        assert [letter["dlq.reason"] for letter in letters] == [b"undecodable"] * 2
        assert all(b"ZeroDivisionError: by nought" in (letter["dlq.detail"] or b"") for letter in letters)
        [error] = [entry for entry in logs if entry["log_level"] == "error"]
        assert (error["topic"], error["partition"], error["offset"]) == (PURCHASES, 0, 1)
        assert error["cause"] == "ZeroDivisionError"
        assert error["raised_at"].split(":")[0] == __file__
        assert "by nought" not in str(error), "an error's message may quote the customer"


async def test_a_message_that_breaks_its_decoder_while_its_schema_is_learnt_is_refused() -> None:
    class Broken(Codec):
        def learn(self, kind: str, data: bytes) -> int:
            raise RecursionError(kind, data)

    async with bench(codec=Broken(FileRegistry())) as it:
        chunk = it.give(PURCHASES, sent_with_id("purchase", 7))
        await until(lambda: chunk.acked)
        [letter] = it.producer.to(DEAD_LETTERS)
        assert dict(letter.headers)["dlq.reason"] == b"undecodable"


@pytest.mark.parametrize("value", [sent("purchase"), sent_with_id("purchase", 7)])
async def test_a_message_that_takes_more_memory_than_there_is_is_refused_and_ends_no_worker(value: bytes) -> None:
    class Starved(Codec):
        def decode(self, kind: str, data: bytes) -> dict[str, Any]:
            if data == value:
                raise MemoryError
            return super().decode(kind, data)

        def learn(self, kind: str, data: bytes) -> int:
            if data == value:
                raise MemoryError
            return super().learn(kind, data)

    async with bench(codec=Starved(FileRegistry())) as it:
        chunk = it.give(PURCHASES, sent("purchase", NOW - 1), value, sent("purchase", NOW - 2))
        await until(lambda: chunk.acked)
        [letter] = it.producer.to(DEAD_LETTERS)
        assert (letter.value, dict(letter.headers)["dlq.reason"]) == (value, b"undecodable")
        assert len(it.log()) == 2


@pytest.mark.parametrize(
    ("timestamp", "received_at"),
    [
        (631_152_000_000, 631_152_000_000),  # 1990-01-01
        (631_151_999_999, NOW),
        (-1, NOW),  # none
        (NOW, NOW),
        (NOW + 1, NOW),  # received after it is read
        (NOW * 1000, NOW),  # microseconds
    ],
)
async def test_a_timestamp_out_of_reach_is_not_believed(timestamp: int, received_at: int) -> None:
    async with bench() as it:
        chunk = it.give(PURCHASES, sent("purchase"), timestamp=timestamp)
        await until(lambda: chunk.acked)
        [record] = it.log()
        assert isinstance(record, Purchase)
        assert record.received_at == received_at


async def test_the_identities_of_a_touchpoint_are_linked_before_it_is_acknowledged() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        chunk = it.give(PURCHASES, sent("purchase", NOW - 5, "ann", identifiers={"email": "Ann@x.com"}))
        await final_until()

        assert it.producer.batches
        assert not chunk.acked

        it.producer.gate.set()
        await final_until()
        assert chunk.acked
        links = [decode_link(message.value or b"") for message in it.producer.to(LINKS)]

    assert links == [IdentitiesStated([(CUSTOMER, "ann"), ("email", "ann@x.com")], NOW - 5, f"purchase-{NOW - 5}")]


async def test_a_link_that_was_stated_is_not_written_again() -> None:
    async with bench() as it:
        for at in (NOW - 5, NOW - 4):
            it.give(PURCHASES, sent("purchase", at, "ann", identifiers={"email": "ann@x.com"}))
        await final_until()

        assert len(it.log()) == 2
        assert len(it.producer.to(LINKS)) == 1
