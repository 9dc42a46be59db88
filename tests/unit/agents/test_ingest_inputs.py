"""INGEST: inputs with any number of partitions, by any name, with any kinds in them."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from schemas.avro.codec import Codec
from schemas.avro.registry import JSON_SCHEMA, FileRegistry, Schema
from schemas.journey_log import Touchpoint
from schemas.pauses import ResumeRequest, encode_request
from schemas.topics import DEAD_LETTERS, KIND_TOPICS
from tests.unit.agents.ingest_bench import (
    IDLE,
    NOW,
    PAGE_VIEWS,
    PURCHASES,
    Bench,
    bench,
    final_until,
    said,
    sent,
    sent_with_id,
    until,
)
from tests.unit.agents.test_pausing import bad, requests

SHARED = "purchase=orders,*=events"
TIMES = [NOW - 1000 * n for n in range(24, 0, -1)]


def touchpoints(it: Bench, partition: int = 0) -> list[Touchpoint]:
    return [record for record in it.log(partition) if isinstance(record, Touchpoint)]


def reasons(it: Bench) -> list[tuple[str, str]]:
    headers = [dict(letter.headers) for letter in it.producer.to(DEAD_LETTERS)]
    return [((found["dlq.reason"] or b"").decode(), (found["dlq.detail"] or b"").decode()) for found in headers]


# --- partitions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 6, 12])
async def test_whatever_number_of_partitions_an_input_has_the_same_touchpoints_come_out_in_order(count: int) -> None:
    """One task has all, so that all of its inputs are merged: by event time, whatever partition they lie in."""
    async with bench(partitions=1, inputs={PURCHASES: count}) as it:
        it.consumer.unread.update((PURCHASES, number) for number in range(count))
        chunks = [
            it.give(PURCHASES, *(sent("purchase", at) for at in TIMES[number::count]), partition=number)
            for number in range(count)
        ]
        await final_until()
        it.consumer.unread.clear()
        await it.ingest.wake_tasks()
        await until(lambda: all(chunk.acked for chunk in chunks))
        found = touchpoints(it)
        assert [one.occurred_at for one in found] == TIMES
        assert {(one.source_topic, one.source_partition) for one in found} == {(PURCHASES, n) for n in range(count)}
        assert {one.task for one in found} == {0}


async def test_partition_q_is_read_by_task_q_mod_p_and_the_log_says_where_it_lay() -> None:
    async with bench(partitions=3, inputs={PURCHASES: 12}) as it:
        chunk = it.give(PURCHASES, b"no purchase", sent("purchase"), partition=10)
        await until(lambda: chunk.acked)
        (found,) = [one for number in range(3) for one in touchpoints(it, number)]
        assert (found.task, found.source_topic, found.source_partition, found.source_offset) == (1, PURCHASES, 10, 1)
        ((_topic, number, letter),) = [sent for sent in it.producer.acknowledged if sent[0] == DEAD_LETTERS]
        assert number == 1
        assert dict(letter.headers)["dlq.partition"] == b"10"


async def test_a_watermark_waits_for_every_partition_of_its_task_and_for_no_other() -> None:
    async with bench(partitions=3, inputs={PURCHASES: 6}) as it:
        it.give(PURCHASES, sent("purchase", NOW - 10), partition=1)
        it.give(PURCHASES, sent("purchase", NOW - 30), partition=4)
        it.give(PURCHASES, sent("purchase", NOW - 20), partition=2)
        await until(lambda: sum(len(touchpoints(it, n)) for n in range(3)) == 3)
        await it.ingest.report()
        assert sorted(it.reported()) == [(1, NOW - 30), (2, NOW - 20)]


async def test_a_task_without_inputs_tells_now_at_once() -> None:
    async with bench(partitions=3, inputs=dict.fromkeys(KIND_TOPICS.values(), 2)) as it:
        await it.pass_time(1000)
        await it.ingest.report()
        assert it.reported() == [(2, NOW + 1000)]
        await it.pass_time(IDLE)
        await it.ingest.report()
        assert sorted(it.reported()[1:]) == [(task, NOW + 1000 + IDLE) for task in range(3)]


async def test_time_waits_for_an_input_that_is_dealt_to_nobody_and_no_other_input_does() -> None:
    """A broker that starts may not know of a topic yet: then the group's leader deals without it."""
    inputs = dict.fromkeys(KIND_TOPICS.values(), 4)
    with capture_logs() as logs:
        async with bench(partitions=2, inputs={**inputs, PURCHASES: 1}, at_the_start=inputs, hold_s=60) as it:
            chunk = it.give(PAGE_VIEWS, sent("page_view", NOW - 500), partition=0)
            await it.pass_time(IDLE)
            await it.ingest.report()
            assert chunk.acked
            assert [one.watermark for number in range(2) for one in touchpoints(it, number)] == [0]
            assert it.reported() == []

            it.consumer.inputs = inputs
            it.consumer.rebalance()
            it.ingest.close_tasks()
            await it.ingest.wake_tasks()
            await it.pass_time(IDLE)
            await it.ingest.report()
            assert sorted(it.reported()) == [(0, it.now), (1, it.now)]
    told = [(entry["topic"], entry["partition"]) for entry in logs if "not dealt" in entry["event"]]
    assert sorted(told) == [(PURCHASES, 1), (PURCHASES, 2), (PURCHASES, 3)]


async def test_time_does_not_wait_for_ever_for_an_input_that_is_no_longer_there() -> None:
    inputs = dict.fromkeys(KIND_TOPICS.values(), 2)
    async with bench(partitions=2, inputs={**inputs, PURCHASES: 0}, at_the_start=inputs, hold_s=60) as it:
        await it.pass_time(59_000)
        await it.ingest.report()
        assert it.reported() == []
        await it.pass_time(1_000)
        await it.ingest.report()
        assert sorted(it.reported()) == [(0, it.now), (1, it.now)]


async def test_an_input_whose_task_is_another_workers_waits_and_that_is_logged() -> None:
    async with bench(partitions=2) as it:
        it.consumer.partitions = {1}
        it.ingest.close_tasks()
        with capture_logs() as logs:
            torn = it.give(PURCHASES, sent("purchase"), partition=0)
            chunk = it.give(PURCHASES, sent("purchase"), partition=1)
            await until(lambda: chunk.acked)
        assert not torn.acked
        (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
        assert (warning["topic"], warning["partition"]) == (PURCHASES, 0)


async def test_a_partition_that_was_added_is_read_though_its_task_was_silent_before() -> None:
    inputs = {PURCHASES: 1}
    async with bench(partitions=1, inputs=inputs) as it:
        await it.pass_time(1000)
        inputs[PURCHASES] = 2
        chunk = it.give(PURCHASES, sent("purchase"), partition=1)
        await until(lambda: chunk.acked)
        assert [one.source_partition for one in touchpoints(it)] == [1]


async def test_a_pause_holds_one_partition_of_a_task_and_a_request_takes_that_one_up() -> None:
    async with bench(partitions=2, inputs={PURCHASES: 4}, refusals=2) as it:
        for partition in (1, 3):
            it.give(PURCHASES, *bad(1, 2, 3), sent("purchase", NOW - partition), partition=partition)
            await until(lambda partition=partition: (PURCHASES, partition) in it.consumer.paused)  # type: ignore[misc]  # a default is no argument
        await it.ingest.obey(requests(encode_request(ResumeRequest(PURCHASES, 3)), partition=1))
        await until(lambda: [one.source_partition for n in range(2) for one in touchpoints(it, n)] == [3])
        assert set(it.consumer.paused) == {(PURCHASES, 1)}
        # As an older release asks: for the partition with the number of the request's own.
        await it.ingest.obey(requests(b'{"topic": "%b"}' % PURCHASES.encode(), partition=1))
        await until(lambda: it.consumer.paused == {})


# --- topics and kinds ------------------------------------------------------------------------------


async def test_a_kind_comes_from_several_topics_and_the_contracts_is_not_read() -> None:
    async with bench(topics="purchase=shop.orders+shop.refunds") as it:
        chunks = [it.give(topic, sent("purchase")) for topic in ("shop.orders", "shop.refunds")]
        await until(lambda: all(chunk.acked for chunk in chunks))
        assert sorted(one.source_topic for one in touchpoints(it)) == ["shop.orders", "shop.refunds"]
        for topic in ("shop.orders", "shop.refunds"):
            assert it.value("touchline_messages_received_total", topic=topic) == 1


def with_kind(kind: str) -> bytes:
    return json.dumps({"kind": kind, **said(kind)}).encode()


async def test_kinds_share_a_topic_where_each_message_says_its_own_in_json_or_by_its_record() -> None:
    messages = [
        with_kind("purchase"),
        b"\xef\xbb\xbf \n" + with_kind("page_view"),
        sent("survey_answer"),
        json.dumps({"specversion": "1.0", "kind": "order", "data": json.loads(with_kind("purchase"))}).encode(),
        json.dumps({"schema": {}, "payload": json.loads(with_kind("page_view"))}).encode(),
    ]
    async with bench(topics=SHARED) as it:
        chunk = it.give("events", *messages)
        await until(lambda: chunk.acked)
        kinds = ["purchase", "page_view", "survey_answer", "purchase", "page_view"]
        assert [(one.kind, one.source_offset) for one in touchpoints(it)] == list(zip(kinds, range(5), strict=True))
        assert it.producer.to(DEAD_LETTERS) == []


class Registry(FileRegistry):
    """Knows a schema of type JSON, and the purchase's in Avro."""

    def by_id(self, schema_id: int) -> Schema:
        return JSON_SCHEMA if schema_id == 7 else super().by_fingerprint(sent("purchase")[2:10])


async def test_kinds_in_confluent_framing_are_told_apart_too() -> None:
    async with bench(topics=SHARED, codec=Codec(Registry())) as it:
        chunk = it.give("events", sent_with_id("purchase", 8), b"\0\0\0\0\x07" + with_kind("page_view"))
        await until(lambda: chunk.acked)
        assert [one.kind for one in touchpoints(it)] == ["purchase", "page_view"]


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (json.dumps(said("purchase")).encode(), "the message states no kind; this topic carries cart_event, page_view"),
        (with_kind("purchase"), "the message states the kind 'purchase'; this topic carries cart_event, page_view"),
        (b'{"kind": 3}', "the message states no kind"),
        (b'{"kind": "page_view"', "the message is not JSON"),
        (b"[]", "neither Avro single-object encoding"),
        (sent("purchase"), "the message holds a Purchase; this topic carries cart_event, page_view"),
        (b"\xc3\x01" + bytes(8), "fingerprint"),
    ],
)
async def test_what_is_of_none_of_a_topics_kinds_is_refused_with_what_it_is(message: bytes, detail: str) -> None:
    async with bench(topics="cart_event=web,page_view=web") as it:
        chunk = it.give("web", message, with_kind("page_view"))
        await until(lambda: chunk.acked)
        ((reason, found),) = reasons(it)
        assert reason in ("undecodable", "unknown_schema")
        assert detail in found
        assert len(touchpoints(it)) == 1


@pytest.mark.parametrize(("setting", "topic"), [("purchase=a+b", "b"), ("*=a", "a")])
async def test_json_that_says_a_kind_which_there_is_not_is_refused(setting: str, topic: str) -> None:
    async with bench(topics=setting) as it:
        chunk = it.give(topic, json.dumps({**said("purchase"), "kind": "page_views"}).encode())
        await until(lambda: chunk.acked)
        assert [reason for reason, _ in reasons(it)] == ["undecodable"]


async def test_what_is_left_of_the_contracts_topics_is_read_beside_the_settings() -> None:
    async with bench(topics="purchase=shop.orders") as it:
        chunk = it.give(PAGE_VIEWS, sent("page_view"))
        await until(lambda: chunk.acked)
        assert [one.kind for one in touchpoints(it)] == ["page_view"]
