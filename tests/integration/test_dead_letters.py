"""Refused messages on a broker: listed with what they say, sent back as they came, or mended."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from click.testing import CliRunner, Result

from schemas.avro.codec import Codec
from schemas.avro.jsonl import parse_line
from schemas.avro.registry import FileRegistry
from schemas.topics import DEAD_LETTERS
from streams import settings
from streams.kafka.admin import create_topics
from streams.kafka.producer import BatchProducer, Message
from streams.settings import Settings
from touchline.main import cli
from touchline.stack import Stack

pytestmark = pytest.mark.embedded

SURVEYS = "touchpoints.survey_answers.v1"
TWEETS = "touchpoints.tweets.v1"
ANSWER = {
    "kind": "survey_answer",
    "event_id": "eleven",
    "occurred_at": 1_764_547_200_000,
    "source": "survey",
    "customer_id": "C1",
    "response_id": "r1",
    "survey_id": "s1",
    "phase": "answered",
    "question_kind": "nps",
    "score": 11.0,
}
GARBAGE = b"\xff\x00 no Avro"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("broker")
    with Stack(folder, folder / "unused") as stack:
        stack.start_broker()
        configured = settings.load(kafka=stack.kafka)
        asyncio.run(create_topics(configured))
        asyncio.run(refuse(configured))
        yield configured


async def refuse(configured: Settings) -> None:
    """Write dead letters as the contract says: bytes and headers as they came, and why; one twice, one empty."""
    kind, record = parse_line(json.dumps(ANSWER))
    answer = Codec(FileRegistry()).encode("SurveyAnswer", record)
    assert kind == "survey_answer"
    producer = BatchProducer(configured)
    await producer.start()
    try:
        await producer.send(
            {
                (DEAD_LETTERS, 1): [
                    letter(b"C1", answer, "invalid_score", SURVEYS, 2, 40),
                    letter(None, GARBAGE, "undecodable", TWEETS, 3, 7),
                    letter(b"C1", answer, "invalid_score", SURVEYS, 2, 40),
                ],
                (DEAD_LETTERS, 0): [letter(None, None, "event_id_collision", TWEETS, 0, 9)],
            }
        )
    finally:
        await producer.stop()


def letter(  # the contract's section 2
    key: bytes | None, value: bytes | None, reason: str, topic: str, partition: int, offset: int
) -> Message:
    why = {
        "dlq.reason": reason,
        "dlq.detail": "as the test says",
        "dlq.stage": "ingest",
        "dlq.topic": topic,
        "dlq.partition": str(partition),
        "dlq.offset": str(offset),
        "dlq.at": "1764547200000",
    }
    headers = [("trace", b"\x01\x02"), *((name, text.encode()) for name, text in why.items())]
    return Message(key, value, headers)


def run(broker: Settings, *arguments: str) -> Result:
    return CliRunner(env={"TOUCHLINE_KAFKA": broker.kafka}).invoke(cli, arguments)


def on(broker: Settings, topic: str, partition: int) -> list[Message]:
    """Return all messages of a partition."""

    async def read() -> list[Message]:
        consumer = AIOKafkaConsumer(bootstrap_servers=broker.kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            records = (await consumer.getmany(place, timeout_ms=1000)).get(place, [])
            return [Message(r.key, r.value, list(r.headers)) for r in records]
        finally:
            await consumer.stop()

    return asyncio.run(read())


def test_dead_letters_are_listed_with_where_they_came_from_and_why(broker: Settings) -> None:
    result = run(broker, "dlq", "list")

    assert result.exit_code == 0, result.output
    assert f"{SURVEYS}/2/40" in result.stdout
    assert "invalid_score: as the test says" in result.stdout
    assert f"{TWEETS}/3/7" in result.stdout
    assert result.stdout.count(f"{SURVEYS}/2/40") == 1
    assert "3 refused messages (4 dead letters), 3 shown" in result.stderr


def test_replay_counts_the_messages_that_are_listed(broker: Settings) -> None:
    result = run(broker, "dlq", "replay", "--dry-run")

    assert "2 messages would be sent back; 1 cannot be: " in result.stdout


def test_as_json_lines_they_hold_what_publish_would_take(broker: Settings) -> None:
    result = run(broker, "dlq", "list", "--format", "jsonl", "--reason", "invalid_score")

    (line,) = result.stdout.splitlines()
    touchpoint = json.loads(line)["touchpoint"]
    assert ANSWER.items() <= touchpoint.items()
    kind, record = parse_line(json.dumps({**touchpoint, "score": 10.0}))
    assert (kind, record["score"]) == ("survey_answer", 10.0)


def test_a_dry_run_sends_nothing(broker: Settings) -> None:
    result = run(broker, "dlq", "replay", "--topic", TWEETS, "--dry-run")

    assert "1 message would be sent back" in result.stdout
    assert on(broker, TWEETS, 3) == []


def test_replay_sends_the_bytes_back_where_they_came_from(broker: Settings) -> None:
    result = run(broker, "dlq", "replay", "--topic", TWEETS, "--partition", "3", "--offset", "7")

    assert result.exit_code == 0, result.output
    assert "1 message sent back" in result.stdout
    assert on(broker, TWEETS, 3) == [Message(None, GARBAGE, [("trace", b"\x01\x02")])]


def test_replay_of_a_mended_file_publishes_it(broker: Settings, tmp_path: Path) -> None:
    mended = tmp_path / "mended.jsonl"
    mended.write_text(json.dumps({**ANSWER, "event_id": "ten", "score": 10}))

    result = run(broker, "dlq", "replay", "--file", str(mended))

    assert result.exit_code == 0, result.output
    assert "1 touchpoint sent" in result.stdout
    (message,) = [m for p in range(broker.partitions) for m in on(broker, SURVEYS, p)]
    assert Codec(FileRegistry()).decode("survey_answer", message.value or b"")["score"] == 10.0


def test_an_offset_alone_says_too_little(broker: Settings) -> None:
    assert run(broker, "dlq", "replay", "--offset", "7").exit_code == 2


def test_topics_are_listed_and_checked(broker: Settings) -> None:
    result = run(broker, "topics", "--check")

    assert result.exit_code == 0, result.output
    assert f"{DEAD_LETTERS}" in result.stdout
    assert all(line.split()[1:] == ["4", "there"] for line in result.stdout.splitlines())


def test_topics_with_another_number_of_partitions_are_a_problem(broker: Settings) -> None:
    environment = {"TOUCHLINE_KAFKA": broker.kafka, "TOUCHLINE_PARTITIONS": "5"}

    result = CliRunner(env=environment).invoke(cli, ["topics", "--check"])

    assert result.exit_code == 1
    assert "has 4 partitions, TOUCHLINE_PARTITIONS is 5" in result.stdout


def test_doctor_finds_kafka_and_its_topics_well(broker: Settings, tmp_path: Path) -> None:
    address = f"chdb://{tmp_path}/none"

    environment = {"TOUCHLINE_KAFKA": broker.kafka, "TOUCHLINE_CLICKHOUSE": address}
    result = CliRunner(env=environment).invoke(cli, ["doctor"])

    said = {line[9:25].strip(): line[:7].strip() for line in result.stdout.splitlines()}
    assert (said["Kafka"], said["topics"], said["pseudonyms"], said["ClickHouse"]) == ("ok", "ok", "ok", "PROBLEM")
    assert not (tmp_path / "none").exists()


STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
FORGED = {
    "dlq.reason": [b"\x1b[2J", b"\xff\xfe", b"r" * 100_000],
    "dlq.detail": [b"a\nb\x1b]0;title\x07", "\u202etxt.exe\x9b31m".encode(), b"d" * 100_000],
    "dlq.topic": [b"\x1b[31m", b"", b"t" * 100_000, b"touchpoints.page_views.v1"],
    "dlq.partition": [b"9" * 5000, b"-1", b"\xff", b"", "\u0663".encode(), b"2147483647", b"1_0", b"4"],
    "dlq.offset": [b"9" * 5000, b"-9", b"1e3", b"\x00"],
    "dlq.at": [b"9" * 5000, b"\x1b[31m", b"", b"\xff"],
}


def test_forged_headers_stop_no_listing_and_no_replay(broker: Settings) -> None:
    # The last test of this file: it adds to the dead letters.
    views = "touchpoints.page_views.v1"
    forged = []
    for name, values in FORGED.items():
        for number, value in enumerate([*values, None]):
            whole = letter(None, f"{name} {number}".encode(), "undecodable", views, 0, number)
            headers = [(known, content) for known, content in whole.headers if known != name or value is not None]
            forged.append(whole._replace(headers=[*headers, *([] if value is None else [(name, value)])]))

    async def write() -> None:
        producer = BatchProducer(broker)
        await producer.start()
        try:
            await producer.send({(DEAD_LETTERS, 2): forged})
        finally:
            await producer.stop()

    asyncio.run(write())
    before = len(on(broker, views, 0))

    listed = run(broker, "dlq", "list", "--limit", "1000")
    as_json = run(broker, "dlq", "list", "--limit", "1000", "--format", "jsonl")
    dry = run(broker, "dlq", "replay", "--topic", views, "--dry-run")
    sent = run(broker, "dlq", "replay", "--topic", views)

    assert [it.exit_code for it in (listed, as_json, dry, sent)] == [0, 0, 0, 0], listed.output + sent.output
    assert listed.stdout.count("\n") == as_json.stdout.count("\n") == 3 + len(forged)
    assert not STEERING.search(listed.stdout + as_json.stdout)
    assert max(map(len, listed.stdout.splitlines())) < 4 * 500
    assert "\\u001b[2J: as the test says" in listed.stdout
    # Of these 32 four name another topic or none, and nine a partition that is none or not there.
    returnable = 32 - 4 - 9
    assert dry.stdout.startswith(f"{returnable} messages would be sent back; ")
    assert sent.stdout.startswith(f"{returnable} messages sent back; ")
    assert len(on(broker, views, 0)) == before + returnable


def test_a_message_that_its_letters_do_not_hold_is_fetched_and_sent_back_once(broker: Settings) -> None:
    cases = "touchpoints.case_events.v1"
    message = Message(b"C2", b'{"event_id": "c"}', [("trace", b"\x07")])

    async def write() -> None:
        producer = BatchProducer(broker)
        await producer.start()
        try:
            await producer.send({(cases, 1): [message, Message(b"C3", b"another"), message]})
            # It was refused twice, in two places; what is told of the last place is gone.
            letters = [letter(None, None, "undecodable", cases, 1, offset) for offset in (2, 0, 1_000)]
            await producer.send({(DEAD_LETTERS, 3): letters})
        finally:
            await producer.stop()

    asyncio.run(write())
    listed = run(broker, "dlq", "list", "--topic", cases, "--format", "jsonl")
    dry = run(broker, "dlq", "replay", "--topic", cases, "--dry-run")
    sent = run(broker, "dlq", "replay", "--topic", cases)

    values = [json.loads(line)["value"] for line in listed.stdout.splitlines()]
    assert values == [base64.b64encode(message.value or b"").decode()] * 2 + [None]
    assert dry.stdout.startswith("1 message would be sent back; 1 cannot be"), dry.output
    assert sent.stdout.startswith("1 message sent back; 1 cannot be"), sent.output
    assert on(broker, cases, 1)[3:] == [message]
