"""Validation: what a chunk gives, and how long a run of refusals may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry, Schema
from schemas.avro.registry_client import RegistryUnavailableError
from schemas.errors import UndecodableError
from schemas.kinds.touchpoint import Touchpoint
from schemas.topics import KIND_TOPICS
from streams.agents.ingest import open_validator
from streams.agents.services import Producer, Services
from streams.agents.validation import Validated, Validator
from streams.identity.identities import Identities
from streams.kafka.batches import Unread, UnreadBatchError
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from streams.runtime.logging import Sampler
from streams.runtime.telemetry import Telemetry
from streams.sentiment import VaderScorer
from streams.settings import Settings
from streams.topics import TopicModel
from tests.unit.streams.records import FakeRecord

NOW = 1_790_000_000_000
TOPIC = KIND_TOPICS["page_view"]
CODEC = Codec(FileRegistry())
PAGE_VIEW = {"event_id": "e", "occurred_at": NOW, "source": "shop", "customer_id": "c", "page": "/"}
GOOD = CODEC.encode("PageView", PAGE_VIEW)
BAD = b"bad"


def chunk_of(*values: bytes) -> Chunk:
    tracker = OffsetTracker(TOPIC, 0, 0, None, 1 << 20, 1 << 30)
    records = [FakeRecord(offset, value, timestamp=NOW) for offset, value in enumerate(values)]
    (chunk,) = tracker.track(Fetched(records, len(records), len(records)), 1 << 30)
    return chunk


class AbsentRegistry:
    """A schema registry that does not answer; `asked` is called at each question."""

    def __init__(self, asked: Callable[[], None]) -> None:
        self._asked = asked

    def by_fingerprint(self, fingerprint: bytes) -> Schema:
        return FileRegistry().by_fingerprint(fingerprint)

    def by_id(self, schema_id: int) -> Schema:
        self._asked()
        raise RegistryUnavailableError(f"no answer for {schema_id}")


def services_of(settings: Settings) -> Services:
    async def no_wait(_seconds: float) -> None: ...

    return Services(settings, cast(Producer, None), Telemetry.on(CollectorRegistry()), lambda: NOW, no_wait)


def validator(codec: Codec = CODEC, max_consecutive_refusals: int = 2) -> Validator:
    services = services_of(Settings(max_consecutive_refusals=max_consecutive_refusals))
    return Validator(services, codec, VaderScorer(), Identities())


def test_texts_are_read_by_the_files_that_the_settings_name(tmp_path: Path) -> None:
    words, model = tmp_path / "words.toml", tmp_path / "model.topics"
    words.write_text('[topics]\nparking = ["garage"]')
    learned = TopicModel(("meals", "seats"), (0, 0), {"legroom": (-3000, 3000), "no": (0, 0)}, 0.9)
    model.write_text(learned.text())
    tweet = {"event_id": "e", "occurred_at": NOW, "source": "s", "customer_id": "c", "post_id": "p"}
    values = [CODEC.encode("Tweet", {**tweet, "text": text}) for text in ("a garage", "no legroom", "hello")]
    settings = Settings(topic_words=str(words), topic_model=str(model), topics=f"tweet={TOPIC}")
    result = open_validator(services_of(settings), CODEC).validate(chunk_of(*values), {}, 0)
    found = [one for _, one in result.accepted]

    assert all(isinstance(one, Touchpoint) for one in found)
    assert [one.topics for one in found if isinstance(one, Touchpoint)] == [["parking"], ["seats"], []]
    names = [one.topics_by for one in found if isinstance(one, Touchpoint)]
    assert (names[0].startswith("words-1+own-"), names[1:]) == (True, [learned.name, ""])


def validated(*values: bytes, before: int = 0) -> Validated:
    return validator().validate(chunk_of(*values), {}, before)


def test_accepted_records_come_with_their_time_and_refused_ones_as_dead_letters() -> None:
    result = validated(GOOD, BAD, GOOD)
    assert [time for time, _ in result.accepted] == [NOW, NOW]
    assert [letter.value for letter in result.refused] == [BAD]
    assert (result.count, result.refused_in_a_row, result.excess) == (3, 0, None)


def test_a_run_of_refusals_goes_on_from_the_chunk_before_and_ends_with_an_accepted_record() -> None:
    assert validated(BAD).refused_in_a_row == 1
    assert validated(BAD, before=1).refused_in_a_row == 2
    assert validated(GOOD, BAD, before=2).refused_in_a_row == 1
    assert validated(GOOD, before=2).refused_in_a_row == 0


def test_a_run_of_refusals_beyond_the_limit_ends_the_validation_and_tells_its_last_offset() -> None:
    result = validated(BAD, GOOD, BAD, BAD, BAD, GOOD)
    assert len(result.accepted) == 1
    assert len(result.refused) == 4
    assert result.count == 5
    assert result.excess is not None
    assert (result.excess.count, result.excess.offset, result.excess.refusal.reason) == (3, 4, "undecodable")
    assert validated(BAD, before=2).excess is not None


def test_refusals_are_logged_as_a_sample_with_their_place_and_without_the_customers_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("streams.agents.validation.Sampler", lambda: Sampler(lambda: now))
    address = "ann@example.com"
    nameless = CODEC.encode("PageView", {**PAGE_VIEW, "customer_id": None, "identifiers": {address: " "}})
    validating = validator(max_consecutive_refusals=100)
    with capture_logs() as logs:
        validating.validate(chunk_of(BAD, BAD, nameless, BAD, address.encode()), {}, 0)
        now = 61.0
        validating.validate(chunk_of(BAD, GOOD, BAD), {}, 0)

    assert [(entry["reason"], entry["offset"], entry["refused_since_last_logged"]) for entry in logs] == [
        ("undecodable", 0, 1),
        ("no_identity", 2, 1),
        ("undecodable", 0, 4),
    ]
    assert all((entry["topic"], entry["partition"], entry["log_level"]) == (TOPIC, 0, "warning") for entry in logs)
    assert address not in str(logs)


async def test_while_the_registry_does_not_answer_the_worker_waits_for_it() -> None:
    chunk = chunk_of(b"\0" + (7).to_bytes(4, "big") + b"body")
    told: list[str] = []
    services = Services(Settings(), cast(Producer, None), Telemetry.on(CollectorRegistry()), lambda: NOW)

    async def end_on_second_wait(_seconds: float) -> None:
        told.append(str(services.standing))
        if len(told) == 2:
            chunk._tracker.close()

    services = replace(services, sleep=end_on_second_wait)
    validating = Validator(services, Codec(AbsentRegistry(asked=lambda: None)), VaderScorer(), Identities())
    await validating.schemas.learn(chunk, validating.schemas.new_schemas(chunk))

    assert told == ["waiting for the schema registry for 0 s: no answer for 7"] * 2
    assert services.standing.working


async def test_a_schema_that_was_not_learnt_when_its_partition_was_revoked_is_still_new() -> None:
    first, *others = (b"\0" + number.to_bytes(4, "big") + b"body" for number in (7, 8))
    chunk = chunk_of(first, *others)
    validating = validator(Codec(AbsentRegistry(asked=chunk._tracker.close)))
    new = validating.schemas.new_schemas(chunk)

    assert await validating.schemas.learn(chunk, new) == {}

    assert len(new) == 2
    assert validating.schemas.new_schemas(chunk_of(first, *others)) == new


def test_a_message_that_is_too_large_teaches_no_schema() -> None:
    message = b"\0\0\0\0\x07" + b"x" * ((1 << 20) - 5)
    validating = validator()
    assert list(validating.schemas.new_schemas(chunk_of(message))) == [b"\0\0\0\0\x07"]
    assert validating.schemas.new_schemas(chunk_of(message + b"x")) == {}


async def test_headers_that_anybody_makes_up_are_not_remembered_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a message that ends within its header no schema is looked for; of others so many are remembered."""
    monkeypatch.setattr("streams.agents.learning.MAX_GIVEN_UP", 10)
    codec = Codec(AbsentRegistry(asked=lambda: None))

    def refuse(_kind: str, _value: bytes) -> None:
        raise UndecodableError("it is no message")

    monkeypatch.setattr(codec, "learn", refuse)
    schemas = validator(codec).schemas

    assert schemas.new_schemas(chunk_of(b"\0", b"\0\xff\xff\xff")) == {}
    for number in range(100):
        chunk = chunk_of(b"\0\x01" + number.to_bytes(3, "big") + b"x")
        assert await schemas.learn(chunk, schemas.new_schemas(chunk)) == {}
    assert len(schemas._known) == 10


def unread(*, first: bool) -> Unread:
    value = Unread()
    value.refusal = UnreadBatchError("its batch (offsets 4 to 9)", too_large=True, first=first)
    return value


def test_a_batch_that_was_not_read_is_refused_message_by_message_and_counts_once() -> None:
    batch = [unread(first=True), *[unread(first=False)] * 4]
    result = validated(*batch, GOOD, *batch, *batch)
    assert result.excess is None
    assert (result.count, result.refused_in_a_row) == (16, 2)
    assert {(letter.key, letter.value) for letter in result.refused} == {(None, None)}
    headers = [dict(letter.headers) for letter in result.refused]
    assert [int(one["dlq.offset"] or b"") for one in headers] == [*range(5), *range(6, 16)]
    assert {one["dlq.reason"] for one in headers} == {b"too_large"}
    assert {one["dlq.detail"] for one in headers} == {b"its batch (offsets 4 to 9)"}
    assert validated(*batch, *batch, *batch).excess is not None
