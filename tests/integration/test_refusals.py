"""Every reason for a refusal, through Apache Kafka: nothing of a message is lost, and it can be mended."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.jsonl import parse_line
from schemas.avro.registry import FileRegistry, current_schemas
from schemas.topics import DEAD_LETTERS, KIND_TOPICS, MAX_MESSAGE_BYTES, MAX_TOUCHPOINT_BYTES
from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from tests.servers.pipeline import Pipeline, pipeline_on
from tests.servers.rows import Rows
from tests.servers.schema_registry import running_registry
from tests.unit.schemas.records import SINGLE_OBJECT_SIZE

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]

NOW = int(time.time() * 1000)
DAY_MS = 86_400_000
LARGEST = MAX_MESSAGE_BYTES - 2_000
"""As large as its topic lets a message be, but for key and headers."""
Headers = Sequence[tuple[str, bytes | None]]
HEADERS: Headers = [
    ("trace", bytes(range(256))),
    ("twice", b"1"),
    ("twice", b""),
    ("nothing", None),  # as Java producers may send it
    ("dlq.note", b"not ours"),
]

TWEET = {"kind": "tweet", "occurred_at": NOW, "source": "test", "customer_id": "C1", "post_id": "p", "text": "fine"}
PURCHASE = {
    "kind": "purchase",
    "occurred_at": NOW,
    "source": "test",
    "customer_id": "C1",
    "order_id": "o",
    "amount_minor": 100,
    "currency": "EUR",
}
ANSWER = {
    "kind": "survey_answer",
    "occurred_at": NOW,
    "source": "test",
    "customer_id": "C1",
    "response_id": "r",
    "survey_id": "s",
    "phase": "answered",
    "question_kind": "nps",
    "score": 9,
}
CART = {
    "kind": "cart_event",
    "occurred_at": NOW,
    "source": "test",
    "customer_id": "C2",
    "cart_id": "k",
    "action": "item_added",
}
TAKEN = {**TWEET, "event_id": "taken"}
KNOWN_ID, MISSING_ID = 7, 8
"""In the schema registry: tweets that refer to a subject that is there, and to one that is not."""


def encoded(event: dict[str, Any]) -> bytes:
    kind, record = parse_line(json.dumps(event))
    return Codec(FileRegistry()).encode(KIND_RECORDS[kind], record)


def referring(schema_id: int, event: dict[str, Any]) -> bytes:
    """Return a tweet in Confluent framing."""
    return b"\0" + schema_id.to_bytes(4, "big") + encoded(event)[SINGLE_OBJECT_SIZE:]


@contextmanager
def schema_registry() -> Iterator[str]:
    """Run a registry that has tweets whose author's type lives in another subject, which is there or is not."""
    tweet = current_schemas()["Tweet"]
    (author,) = (field["type"] for field in tweet["fields"] if field["name"] == "author")
    fields = [{**f, "type": author["name"]} if f["name"] == "author" else f for f in tweet["fields"]]
    name = f"{tweet['namespace']}.{author['name']}"
    with running_registry() as registry:
        for schema_id, subject in ((KNOWN_ID, "authors/all"), (MISSING_ID, "authors/gone")):
            references = [{"name": name, "subject": subject, "version": 2}]
            body = {"schema": json.dumps({**tweet, "fields": fields}), "references": references}
            registry.say(schema_id, 200, body)
        there = {"schema": json.dumps({**author, "namespace": tweet["namespace"]})}
        registry.say_at("/subjects/authors%2Fall/versions/2", 200, there)
        registry.say_at("/subjects/authors%2Fgone/versions/2", 404, {"error_code": 40402})
        yield f"http://{registry.place}"


@dataclass(frozen=True)
class Bad:
    """A message to be refused.

    Attributes:
        mended: what can be sent in its place.
    """

    reason: str
    value: bytes | None
    mended: dict[str, Any]
    stage: str = "ingest"

    @property
    def topic(self) -> str:
        return KIND_TOPICS[self.mended["kind"]]


def wrong(name: str, reason: str, event: dict[str, Any], **fault: Any) -> Bad:
    mended = {**event, "event_id": f"mended-{name}"}
    return Bad(reason, encoded({**mended, **fault}), mended)


def of_size(size: int) -> bytes:
    """Return a good tweet but for its size, bytes."""
    large = {**TWEET, "event_id": "large", "text": "x" * (size - 1_000)}
    # What is left to fill goes into another field: the text's length would need a byte more or less.
    left = size - len(encoded({**large, "source": "x" * 500}))
    value = encoded({**large, "source": "x" * (500 + left)})
    assert len(value) == size
    return value


BAD: dict[str, Bad] = {
    "garbage": Bad("undecodable", b"\xff\x00 no Avro \x80", {**TWEET, "event_id": "mended-garbage"}),
    "a cut record": Bad("undecodable", encoded(TAKEN)[:-3], {**TWEET, "event_id": "mended-cut"}),
    "an empty value": Bad("undecodable", b"", {**TWEET, "event_id": "mended-empty"}),
    "no value": Bad("undecodable", None, {**TWEET, "event_id": "mended-none"}),
    "a schema of others": Bad(
        "unknown_schema", b"\xc3\x01" + b"\x11" * 8 + encoded(TAKEN)[10:], {**TWEET, "event_id": "mended-schema"}
    ),
    "a schema that needs a missing one": Bad(
        "unknown_schema", referring(MISSING_ID, TAKEN), {**TWEET, "event_id": "mended-reference"}
    ),
    "no id": wrong("id", "missing_field", TWEET, event_id=""),
    "nobody": wrong("nobody", "no_identity", TWEET, customer_id=None, identifiers={"cookie": "NULL", "email": " "}),
    "the far future": wrong("future", "invalid_time", TWEET, occurred_at=NOW + 2 * DAY_MS),
    "the far past": wrong("past", "invalid_time", TWEET, occurred_at="1989-12-31T23:59:59Z"),
    "eleven of ten": wrong("score", "invalid_score", ANSWER, score=11),
    "a negative amount": wrong("amount", "invalid_amount", PURCHASE, amount_minor=-1),
    "no currency": wrong("currency", "invalid_amount", PURCHASE, currency="Euro"),
    "a byte too large": Bad("too_large", of_size(MAX_TOUCHPOINT_BYTES + 1), {**TWEET, "event_id": "mended-byte"}),
    "as large as can be": Bad("too_large", of_size(LARGEST), {**TWEET, "event_id": "mended-large"}),
    **{
        f"a cart id of a million characters, {n}": wrong(f"cart-{n}", "too_large", CART, cart_id="x" * 1_000_000)
        for n in range(3)
    },
    "an id seen before": Bad(
        "event_id_collision",
        encoded({**TAKEN, "text": "another"}),
        {**TWEET, "event_id": "mended-collision", "text": "another"},
        stage="journeys",
    ),
}
REASONS = {bad.reason for bad in BAD.values()}
REPLAYED_REASONS = ["undecodable", "unknown_schema"]
REPLAYED = ["garbage", "a cut record", "an empty value", "a schema of others", "a schema that needs a missing one"]
"""What is sent back for these; never what came without a value."""


@dataclass(frozen=True)
class Message:
    """A message as it lies in Kafka."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True)
class Told:
    """What was to be seen when all bad messages had come in, and after each way to send them again."""

    offsets: dict[str, int]
    letters: list[Message]
    rows: Rows
    listed: list[dict[str, Any]]
    table: str
    mended: str
    rows_mended: Rows
    replayed: str
    inputs_replayed: dict[str, list[Message]]
    letters_replayed: list[Message]
    began: int
    ended: int


PARTITION = 2


def key_of(name: str) -> bytes | None:
    return None if name == "no id" else b"\x00key of " + name.encode()


async def send_all(settings: Settings) -> dict[str, int]:
    """Send the touchpoint that is taken, then every bad message; return their offsets."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, max_request_size=2 * MAX_MESSAGE_BYTES)
    await producer.start()
    try:
        await producer.send_and_wait(KIND_TOPICS["tweet"], referring(KNOWN_ID, TAKEN), partition=PARTITION)
        offsets = {}
        for name, bad in BAD.items():
            sent = await producer.send_and_wait(bad.topic, bad.value, key_of(name), PARTITION, headers=HEADERS)
            offsets[name] = sent.offset
    finally:
        await producer.stop()
    return offsets


def all_of(settings: Settings, topic: str, partition: int = PARTITION) -> list[Message]:
    async def read() -> list[Message]:
        async with asyncio.timeout(30):
            runs = [run.records async for run in read_to_end(settings, topic, [partition])]
        return [Message(r.offset, r.key, r.value, list(r.headers)) for run in runs for r in run]

    return asyncio.run(read())


def ran(pipeline: Pipeline, *arguments: object) -> str:
    done = pipeline.touchline(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("refusals")
    began = int(time.time() * 1000)
    with (
        schema_registry() as registry,
        pipeline_on(
            kafka, clickhouse_server, folder, session_timeout_s=6, idle_s=1, schema_registry=registry
        ) as pipeline,
    ):
        settings = pipeline.settings
        offsets = asyncio.run(send_all(settings))
        pipeline.start("worker")
        pipeline.start("sink")
        pipeline.drain()
        letters, rows = all_of(settings, DEAD_LETTERS), pipeline.rows()
        listed = [json.loads(line) for line in ran(pipeline, "dlq", "list", "--format", "jsonl").splitlines()]
        table = ran(pipeline, "dlq", "list")

        lines = folder / "mended.jsonl"
        lines.write_bytes(b"\n".join(msgspec.json.encode(bad.mended) for bad in BAD.values()))
        mended = ran(pipeline, "dlq", "replay", "--file", lines)
        pipeline.drain()
        rows_mended = pipeline.rows()

        replayed = "".join(ran(pipeline, "dlq", "replay", "--reason", reason) for reason in REPLAYED_REASONS)
        pipeline.drain()
        yield Told(
            offsets=offsets,
            letters=letters,
            rows=rows,
            listed=listed,
            table=table,
            mended=mended,
            rows_mended=rows_mended,
            replayed=replayed,
            inputs_replayed={topic: all_of(settings, topic) for topic in {bad.topic for bad in BAD.values()}},
            letters_replayed=all_of(settings, DEAD_LETTERS),
            began=began,
            ended=int(time.time() * 1000),
        )


def place(told: Told, name: str) -> tuple[str, int, int]:
    return BAD[name].topic, PARTITION, told.offsets[name]


def about(letter: Message) -> dict[str, str]:
    """Return what the dead letter's own headers say: the last seven."""
    return {name: (value or b"").decode() for name, value in letter.headers[-7:]}


def letter_of(told: Told, name: str) -> Message:
    wanted = tuple(map(str, place(told, name)))
    (found,) = [
        letter
        for letter in told.letters
        if tuple(about(letter)[f"dlq.{part}"] for part in ("topic", "partition", "offset")) == wanted
    ]
    return found


def row_of(rows: Rows, where: tuple[str, int, int]) -> dict[str, Any]:
    (found,) = [row for row in rows["dead_letters"] if (row["topic"], row["partition"], row["offset"]) == where]
    return found


def test_every_reason_of_the_contract_is_here() -> None:
    assert {
        "undecodable",
        "unknown_schema",
        "missing_field",
        "no_identity",
        "invalid_time",
        "invalid_score",
        "invalid_amount",
        "too_large",
        "event_id_collision",
    } == REASONS


def test_there_is_one_dead_letter_each_and_the_good_one_is_taken(told: Told) -> None:
    assert len(told.letters) == len(BAD)
    assert len(told.rows["dead_letters"]) == len(BAD)
    (touchpoint,) = told.rows["touchpoints"]
    assert (touchpoint["event_id"], touchpoint["text"]) == ("taken", "fine")


@pytest.mark.parametrize("name", BAD)
def test_key_value_and_headers_are_byte_for_byte_those_that_came(told: Told, name: str) -> None:
    letter = letter_of(told, name)
    assert letter.key == key_of(name)
    assert letter.value == BAD[name].value
    assert letter.headers[:-7] == HEADERS


@pytest.mark.parametrize("name", BAD)
def test_the_headers_say_why_where_and_when(told: Told, name: str) -> None:
    said = about(letter_of(told, name))
    detail, at = said.pop("dlq.detail"), said.pop("dlq.at")
    assert said == {
        "dlq.reason": BAD[name].reason,
        "dlq.stage": BAD[name].stage,
        "dlq.topic": BAD[name].topic,
        "dlq.partition": str(PARTITION),
        "dlq.offset": str(told.offsets[name]),
    }
    assert detail
    assert told.began <= datetime.fromisoformat(at).timestamp() * 1000 <= told.ended


@pytest.mark.parametrize("name", BAD)
def test_the_table_has_it_too(told: Told, name: str) -> None:
    row = row_of(told.rows, place(told, name))
    said = about(letter_of(told, name))
    assert (row["reason"], row["detail"], row["stage"]) == (said["dlq.reason"], said["dlq.detail"], said["dlq.stage"])
    assert row["refused_at"] == round(datetime.fromisoformat(said["dlq.at"]).timestamp() * 1000)
    assert base64.b64decode(row["raw"]) == (BAD[name].value or b"")


@pytest.mark.parametrize("name", BAD)
def test_dlq_list_shows_it(told: Told, name: str) -> None:
    where = place(told, name)
    (shown,) = [one for one in told.listed if (one["topic"], one["partition"], one["offset"]) == where]
    assert (shown["reason"], shown["stage"]) == (BAD[name].reason, BAD[name].stage)
    assert (shown["key"], shown["value"]) == tuple(
        None if data is None else base64.b64encode(data).decode() for data in (key_of(name), BAD[name].value)
    )
    assert f"{where[0]}/{where[1]}/{where[2]}  " in told.table


def test_a_schema_that_needs_a_missing_one_names_it(told: Told) -> None:
    said = about(letter_of(told, "a schema that needs a missing one"))
    assert f"id {MISSING_ID} needs version 2 of subject authors/gone" in said["dlq.detail"]


def test_a_field_that_is_too_long_is_named(told: Told) -> None:
    said = about(letter_of(told, "a cart id of a million characters, 0"))
    assert said["dlq.detail"] == "cart_id has 1,000,000 characters; at most 256 are taken"


def test_mended_ones_become_touchpoints(told: Told) -> None:
    assert f"{len(BAD)} touchpoints sent" in told.mended
    stored = {row["event_id"] for row in told.rows_mended["touchpoints"]}
    assert stored == {"taken", *(bad.mended["event_id"] for bad in BAD.values())}
    assert len(told.rows_mended["dead_letters"]) == len(BAD)


def test_replay_sends_the_original_bytes_and_what_is_refused_again_is_listed_again(told: Told) -> None:
    assert told.replayed.count("sent back") == len(REPLAYED_REASONS)
    sent = [m for m in told.inputs_replayed[KIND_TOPICS["tweet"]] if m.offset > max(told.offsets.values())]
    again = {(m.key, m.value) for m in sent if (m.key or b"").startswith(b"\x00key")}
    assert again == {(key_of(name), BAD[name].value) for name in REPLAYED}
    letters = told.letters_replayed[len(told.letters) :]
    assert {(m.key, m.value) for m in letters} == again
    assert len(letters) == len(REPLAYED)
    for letter in letters:
        assert letter.headers[: len(HEADERS)] == HEADERS
        assert int(about(letter)["dlq.offset"]) in {m.offset for m in sent}
