"""Pseudonyms on real Kafka: no identifier of any message stands in a topic past the inputs, a table, or a log."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.kinds import KINDS, TOUCHPOINT_KINDS
from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, JOURNEYS_STATE, LINKS, SIGNAL_ABANDONMENTS, all_topics
from servers.kafka import Kafka
from streams.identity.pseudonyms import key_id_of
from streams.kafka.admin import create_topics
from streams.kafka.reader import read_to_end
from tests.integration.kept import batched
from tests.integration.test_topics import remove_topics
from tests.servers.pipeline import App, Pipeline, until
from tests.unit.schemas.records import T0, minimal

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]

STOPS_WITHIN_S = 60.0
PARTITIONS = 2
KEY = "only whoever has this key can make the pseudonyms"
NUMBER = "7946 0958"
MARK = "q7x"
"""Stands in every identifier that is sent but the telephone number."""
EMAIL, COOKIE, HANDLE, DEVICE, CARD = (
    f"zoe.{MARK}@example.com",
    f"k-{MARK}-1",
    f"Zoe_{MARK}",
    f"d-{MARK}-2",
    f"{MARK}77",
)
EVERY = {
    "email": f"Zoe <ZOE.{MARK}@Example.com>",
    "phone": f"+44 (0)20 {NUMBER}",
    "twitter": f"@{HANDLE}",
    "device": DEVICE,
    "cookie": COOKIE,
    "loyalty_card": CARD,
    "crm": f"crm-{MARK}-3",
}


def touchpoints() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield touchpoints of every kind: with all identifiers, with each alone, and with identifiers in other fields."""
    for number, kind in enumerate(TOUCHPOINT_KINDS):
        record = minimal(kind) | {"occurred_at": T0 + number}
        yield kind, record | {"event_id": f"all-{kind}", "customer_id": "c-42", "identifiers": EVERY}
        for name, value in EVERY.items():
            yield kind, record | {"event_id": f"{name}-{kind}", "customer_id": None, "identifiers": {name: value}}
    elsewhere = {
        "attributes": {"email": EMAIL, "ref": f"mailto:{EMAIL}?x=1", EMAIL: "name", "caller": f"+44 20 {NUMBER}"},
        "identifiers": {"cookie": COOKIE, EMAIL: "email"},
    }
    page = minimal("page_view") | {"event_id": f"{COOKIE}/1", "page": f"/me?mail=zoe.{MARK}%40example.com&c={COOKIE}"}
    yield "page_view", page | elsewhere
    yield "page_view", minimal("page_view") | {"event_id": "by address", "customer_id": f"Zoe.{MARK}@example.com"}
    yield "support_call", minimal("support_call") | {"event_id": "agent", "agent_id": EMAIL, "case_id": EMAIL}
    yield (
        "tweet",
        minimal("tweet") | {"event_id": "post", "in_reply_to": f"{HANDLE}/1", "identifiers": {"twitter": HANDLE}},
    )


def broken() -> Iterator[tuple[str, bytes]]:
    """Yield messages that are refused, each for another reason; all quote an identifier."""
    view = minimal("page_view") | {"customer_id": None, "identifiers": EVERY}
    for wrong in (
        {"occurred_at": EMAIL},
        {"occurred_at": 1, "event_id": EMAIL},
        {"event_id": "", "source": EMAIL},
        {"identifiers": {"email": f"{MARK}@"}, "customer_id": "null"},
        {"channel": EMAIL * 20},
        {"attributes": {EMAIL * 20: ""}},
        {"kind": EMAIL},
        {"page": [EMAIL]},
        {EMAIL: EMAIL, "page": None},
    ):
        yield "page_view", json.dumps(view | wrong).encode()
    for said in (f"{{'{EMAIL}'", f'{{"event_id": "{EMAIL}"', f"\xc3\x01 {EMAIL}", f"\0 {EMAIL}", EMAIL):
        yield "tweet", said.encode()
    yield "purchase", json.dumps(minimal("purchase") | {"identifiers": EVERY, "currency": EMAIL}).encode()
    score = {"question_kind": "nps", "score": 11, "identifiers": EVERY}
    yield "survey_answer", json.dumps(minimal("survey_answer") | score).encode()
    collision = minimal("page_view") | {"event_id": "all-page_view", "customer_id": "c-42", "page": f"/{EMAIL}"}
    yield "page_view", json.dumps(collision).encode()


AT_ONCE = 15
REFUSED = len(list(broken()))


async def send(bootstrap: str, messages: Iterable[tuple[str, bytes]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for kind, value in messages:
            headers = [("customer", EMAIL.encode())]
            await producer.send_and_wait(KINDS[kind].topic, value, key=EMAIL.encode(), headers=headers)


@dataclass(frozen=True)
class Shop:
    """All that was written of the touchpoints, by a worker and a sink with the key."""

    pipeline: Pipeline
    database: Path
    apps: list[App]

    def run(self, *words: object) -> str:
        ran = self.pipeline.touchline(*words)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def shop(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("pseudonyms")
    database = folder / "database"
    more = {"partitions": PARTITIONS, "idle_s": 1, "pseudonym_key": KEY}
    pipeline = Pipeline(folder, kafka.bootstrap, f"chdb://{database}", **more)
    try:
        asyncio.run(create_topics(pipeline.settings))
        assert pipeline.touchline("migrate").returncode == 0
        taken = [(kind, json.dumps(record).encode()) for kind, record in touchpoints()]
        asyncio.run(send(kafka.bootstrap, [*taken, *broken()]))
        apps = [pipeline.start("worker"), pipeline.start("sink")]
        pipeline.drain()
        for app in apps:
            assert app.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0
        yield Shop(pipeline, database, apps)
    finally:
        pipeline.stop()
        asyncio.run(remove_topics(kafka))


def shows(text: bytes | str) -> bool:
    """Return whether an identifier can be read in a text."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return MARK in text.lower() or NUMBER.replace(" ", "") in text.translate({ord(one): None for one in " -()"})


async def written(shop: Shop) -> dict[str, list[bytes]]:
    """Return by topic past the inputs keys, values and headers of all that is in it."""
    settings = shop.pipeline.settings
    found: dict[str, list[bytes]] = {}
    for topic in {topic.name for topic in all_topics()} - set(settings.inputs):
        async for run in read_to_end(settings, topic, range(PARTITIONS)):
            for record in run.records:
                parts = [
                    record.key,
                    record.value,
                    *(part for name, said in record.headers for part in (name.encode(), said)),
                ]
                found.setdefault(topic, []).append(b" ".join(part or b"" for part in parts))
    return found


def tables(shop: Shop) -> list[tuple[str, str]]:
    """Return name and text of each row of every table and view."""

    def query(sql: str) -> list[list[str]]:
        answer = shop.run("query", sql, "--data", shop.database, "--format", "JSONCompactEachRow")
        return [json.loads(line) for line in answer.splitlines() if line.startswith("[")]

    names = [name for (name,) in query("SHOW TABLES")]
    parts = [f"SELECT '{name}', base64Encode(formatRowNoNewline('TSVRaw', *)) FROM {name}" for name in names]
    # ClickHouse plans no query of all of them at once.
    found = [row for some in batched(parts, AT_ONCE) for row in query(" UNION ALL ".join(some))]
    return [(name, base64.b64decode(row).decode(errors="replace")) for name, row in found]


def test_no_identifier_is_written_past_the_inputs(shop: Shop) -> None:
    found = asyncio.run(written(shop))

    assert [(topic, one) for topic, of_one in found.items() for one in of_one if shows(one)] == []
    assert found.keys() >= {DEAD_LETTERS, JOURNEYS_LOG, JOURNEYS_STATE, LINKS, SIGNAL_ABANDONMENTS}
    assert len(found[DEAD_LETTERS]) == REFUSED
    assert any(b"c-42" in one for one in found[JOURNEYS_LOG])


def test_no_identifier_is_in_any_table_nor_in_what_the_processes_say(shop: Shop) -> None:
    rows = tables(shop)

    assert {name for name, _text in rows} >= {"touchpoints", "touchpoints_rows", "identities", "dead_letters"}
    assert [row for row in rows if shows(row[1])] == []
    assert [app.name for app in shop.apps if shows(app.log.read_text())] == []
    assert not shows(shop.run("dlq", "list"))


def test_an_identity_is_shown_and_parted_by_whoever_has_the_key(shop: Shop) -> None:
    shown = shop.run("identity", "show", f"ZOE.{MARK}@example.com", "--data", shop.database)
    assert "c-42" in shown
    assert not shows(shown)
    assert "linked to nothing" in shop.run("identity", "show", "email:another@example.com", "--data", shop.database)
    assert not shows(shop.run("identity", "unlink", f"phone:+44 20 {NUMBER}", "c-42"))


def test_refused_messages_are_fetched_from_their_places_to_be_sent_back(shop: Shop) -> None:
    assert shop.run("dlq", "replay", "--dry-run").startswith(f"{REFUSED} messages would be sent back\n")
    as_json = [json.loads(line) for line in shop.run("dlq", "list", "--format", "jsonl").splitlines()[:REFUSED]]
    assert all(letter["value"] for letter in as_json)


def test_a_decision_without_the_key_writes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(shop.pipeline._environment, "TOUCHLINE_PSEUDONYM_KEY")
    ran = shop.pipeline.touchline("identity", "link", EMAIL, "c-42")

    assert ran.returncode != 0
    assert "set the same key here" in ran.stderr


def test_doctor_compares_its_key_with_that_of_the_workers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> list[str]:
        lines = shop.pipeline.touchline("doctor").stdout.splitlines()
        return [line for line in lines if line[9:25].strip() == "pseudonyms"]

    used = key_id_of(KEY.encode())
    assert said() == [f"ok       pseudonyms       the key with id {used}; workers have no other"]
    monkeypatch.setitem(shop.pipeline._environment, "TOUCHLINE_PSEUDONYM_KEY", "quite another key than that one")
    (other,) = said()
    monkeypatch.delitem(shop.pipeline._environment, "TOUCHLINE_PSEUDONYM_KEY")
    (none,) = said()

    for line, here in ((other, key_id_of(b"quite another key than that one")), (none, "no key")):
        assert line.startswith(f"PROBLEM  pseudonyms       workers replace identifiers by the key with id {used}")
        assert here in line
        assert "set the same key here" in line


def test_a_worker_without_the_key_ends_and_says_what_to_do(shop: Shop) -> None:
    worker = shop.pipeline.start("worker", pseudonym_key="quite another key than that one")
    until(lambda: worker.died, "the worker to end", STOPS_WITHIN_S)
    said = worker.log.read_text()
    worker.stop()

    assert "TOUCHLINE_PSEUDONYM_KEY_OLD" in said.splitlines()[-1]
    assert KEY not in said
    assert "quite another" not in said
