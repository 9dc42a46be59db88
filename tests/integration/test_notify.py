"""`touchline notify` on a real Kafka: whatever fails, each target has each signal, or the dead letters have it."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import NOTIFY_DEAD_LETTERS, SIGNAL_FOLLOW_UPS, SIGNAL_TOPICS
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from streams.kafka.offsets import Record
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from tests.servers.http_load import readiness
from tests.servers.mail import MailServer
from tests.servers.pipeline import App, Pipeline, until
from tests.servers.receiver import Receiver, failing_half_the_time
from tests.servers.signals import follow_up, send_signals
from tests.servers.topics import delete_topics
from touchline.stack.ports import HOST, free_port

pytestmark = pytest.mark.kafka

SIGNALS = 200
STOPS_WITHIN_S = 20.0
SECRET = "whsec_" + "c2VjcmV0IG9mIHRlc3RzLCAzMiBieXRlcyBsb25nISE="  # made up
FAST = {"notify_first_retry_s": 0.02, "notify_longest_retry_s": 0.1, "notify_timeout_s": 0.5}


@pytest.fixture
def pipeline(kafka: Kafka, tmp_path: Path) -> Iterator[Pipeline]:
    """A deliverer's Kafka, with fresh topics and without any other process."""
    described = Pipeline(tmp_path, kafka.bootstrap, f"clickhouse://{HOST}:9", session_timeout_s=6, **FAST)
    asyncio.run(create_topics(described.settings))
    yield described
    described.stop()
    kafka.ensure_running()
    asyncio.run(delete_topics(kafka.bootstrap, [*SIGNAL_TOPICS.values(), NOTIFY_DEAD_LETTERS]))


def webhook(name: str, url: str, more: str = "") -> str:
    return (
        f'[[target]]\nkind = "webhook"\nname = "{name}"\nurl = "{url}"\nsecret_env = "TEST_SECRET"\nper_minute = 0\n'
        f"{more}\n"
    )


def start(pipeline: Pipeline, targets: str, monkeypatch: pytest.MonkeyPatch, **more: object) -> App:
    monkeypatch.setenv("TEST_SECRET", SECRET)
    file = pipeline.folder / "targets.toml"
    file.write_text(targets)
    return pipeline.start("notify", notify=file, **more)


async def unread(settings: Settings) -> int:
    """Return how many messages of the follow-ups' topic the group has not committed."""
    places = [TopicPartition(SIGNAL_FOLLOW_UPS, number) for number in range(settings.partitions)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, group_id=settings.group("notify"), enable_auto_commit=False
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(places)
        return sum([ends[place] - (await consumer.committed(place) or 0) for place in places])
    finally:
        await consumer.stop()


async def letters(settings: Settings) -> list[Record]:
    runs = read_to_end(settings, NOTIFY_DEAD_LETTERS, range(settings.partitions))
    return [record async for run in runs for record in run.records]


def test_each_signal_arrives_though_half_of_the_requests_fail_and_the_process_is_killed(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(send_signals(pipeline.settings, map(follow_up, range(SIGNALS))))
    expected = {f"f-{number}:open" for number in range(SIGNALS)}
    with Receiver(failing_half_the_time(seed=1)) as receiver:
        notify = start(pipeline, webhook("care", receiver.url), monkeypatch)
        for share in (4, 2):
            until(lambda share=share: len(receiver.taken) > SIGNALS // share, "some to be taken")  # type: ignore[misc]
            notify.kill9()
            notify.start()
        until(lambda: receiver.taken.keys() == expected, "all to be taken")
        until(lambda: not asyncio.run(unread(pipeline.settings)), "all to be committed")
        assert notify.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0

    assert {"take", "fail", "reset", "take and reset", "take and hang"} == receiver.outcomes.keys()
    assert receiver.received.keys() == expected
    for key, requests in receiver.received.items():
        assert {request.body for request in requests} == {requests[0].body}
        assert {request.headers["webhook-id"] for request in requests} == {key}
        assert json.loads(requests[0].body)["id"] == key
    assert asyncio.run(letters(pipeline.settings)) == []


def test_a_target_that_is_down_loses_nothing_and_holds_up_no_other(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(send_signals(pipeline.settings, map(follow_up, range(SIGNALS)), raw=[b"no signal"]))
    with Receiver() as receiver, Receiver(lambda _: "fail") as failing:
        targets = webhook("care", receiver.url) + webhook("down", failing.url)
        notify = start(pipeline, targets, monkeypatch, notify_give_up_s=1, notify_queue=50)
        until(lambda: len(receiver.taken) == SIGNALS, "the good target to have all")
        until(lambda: not asyncio.run(unread(pipeline.settings)), "all to be committed")
        assert notify.notified("care", "delivered") == SIGNALS
        assert notify.notified("down", "dead_letter") == SIGNALS
        assert readiness(notify) == (200, "working\n")
    found = asyncio.run(letters(pipeline.settings))
    said = [{name: (value or b"").decode() for name, value in letter.headers} for letter in found]

    assert len(found) == SIGNALS + 1
    assert {one["notify.follow_up_id"] for one in said if one["notify.target"] == "down"} == {
        f"f-{number}:open" for number in range(SIGNALS)
    }
    assert {one["notify.reason"] for one in said if one["notify.target"] == "down"} == {"it answers 503"}
    assert [letter.value for letter, one in zip(found, said, strict=True) if not one["notify.target"]] == [b"no signal"]
    listed = pipeline.touchline("notify", "--dead-letters")
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == SIGNALS + 1


def test_each_kind_of_target_gets_what_it_chose(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [follow_up(1), follow_up(2, status="missed"), follow_up(3, retracted=True), follow_up(4, owner="other")]
    with Receiver() as service, Receiver() as slack, MailServer() as mail:
        monkeypatch.setenv("TEST_SLACK", slack.url)
        of_slack = (
            '[[target]]\nname = "slack"\nkind = "slack"\nurl_env = "TEST_SLACK"\nowners = ["care-de"]\nper_minute = 0\n'
        )
        of_mail = (
            f'[[target]]\nname = "mail"\nkind = "email"\nhost = "{HOST}"\nport = {mail.port}\ntls = "none"\n'
            'from = "touchline@example.com"\nto = ["care@example.com"]\nstatuses = ["missed"]\n'
        )
        start(pipeline, webhook("care", service.url, "withdrawals = true") + of_slack + of_mail, monkeypatch)
        asyncio.run(send_signals(pipeline.settings, sent))
        until(lambda: (len(service.taken), len(slack.taken), len(mail.mails)) == (4, 2, 1), "all to have theirs")
        until(lambda: not asyncio.run(unread(pipeline.settings)), "all to be committed")

    assert {key.rpartition(":")[0] for key in service.taken} == {"f-1:open", "f-2:missed", "f-3:withdrawn", "f-4:open"}
    assert slack.taken.keys() == {"f-1:open", "f-2:missed"}
    assert b"Message-ID: <f-2.missed@touchline.invalid>" in mail.mails[0].content
    assert (len(service.taken), len(slack.taken), len(mail.mails)) == (4, 2, 1)


def test_two_processes_share_the_signals_and_what_one_leaves_the_other_delivers(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = itertools.count()
    with Receiver() as receiver:
        first = start(pipeline, webhook("care", receiver.url), monkeypatch)
        second = pipeline.start("notify", notify=pipeline.folder / "targets.toml")

        def both_have_some() -> bool:
            asyncio.run(send_signals(pipeline.settings, map(follow_up, itertools.islice(numbers, 20))))
            return first.notified("care", "delivered") > 0 and second.notified("care", "delivered") > 0

        until(both_have_some, "both to deliver")
        asyncio.run(send_signals(pipeline.settings, map(follow_up, itertools.islice(numbers, SIGNALS))))
        first.kill9()
        asyncio.run(send_signals(pipeline.settings, map(follow_up, itertools.islice(numbers, SIGNALS))))
        expected = {f"f-{number}:open" for number in range(next(numbers))}
        until(lambda: receiver.taken.keys() == expected, "the other to deliver all")
        until(lambda: not asyncio.run(unread(pipeline.settings)), "all to be committed")


def test_a_broker_that_goes_away_is_waited_out(
    kafka: Kafka, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver:
        notify = start(pipeline, webhook("care", receiver.url), monkeypatch)
        asyncio.run(send_signals(pipeline.settings, [follow_up(1)]))
        until(lambda: receiver.taken.keys() == {"f-1:open"}, "the first to be taken")
        kafka.kill9()
        until(lambda: notify.waits_for("kafka"), "it to say that it waits")
        kafka.start()
        asyncio.run(send_signals(pipeline.settings, [follow_up(2)]))
        until(lambda: "f-2:open" in receiver.taken, "the second to be taken")
        until(lambda: not notify.waits_for("kafka"), "it to say that it works")
        until(lambda: not asyncio.run(unread(pipeline.settings)), "all to be committed")
        assert notify.ends_on(signal.SIGINT, STOPS_WITHIN_S) == 0


def test_without_kafka_it_waits_says_so_and_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Pipeline(tmp_path, f"{HOST}:{free_port()}", f"clickhouse://{HOST}:9")
    notify = start(away, webhook("care", "https://example.com/"), monkeypatch)
    until(lambda: notify.waits_for("kafka"), "it to say that it waits")

    assert notify.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0


def test_targets_that_do_not_hold_end_it_with_the_cause_on_the_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Pipeline(tmp_path, f"{HOST}:{free_port()}", f"clickhouse://{HOST}:9")
    notify = start(away, webhook("care", "http://example.com/"), monkeypatch)
    until(lambda: not notify.running, "it to end")

    assert notify.status == 1
    assert "target care: url is http" in notify.log.read_text().splitlines()[-1]
    notify.stop()
