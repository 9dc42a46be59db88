"""With a key no identifier of any message is in anything that workers write; a key that changes is noticed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from structlog.testing import capture_logs

from schemas import identity_links, journey_log, watermarks
from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.dead_letters import HEADERS
from schemas.kinds import KINDS, TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import encode_rows
from schemas.topics import WATERMARKS
from schemas.watermarks import PseudonymKey, TaskWatermark
from streams.agents.identities import open_identities
from streams.agents.pseudonym_key import PseudonymKeyError, check_key, check_key_of_command
from streams.agents.services import Producer, Services
from streams.agents.unknown_fields import UnknownFields
from streams.agents.validation import Validator
from streams.identity.pseudonyms import key_id_of
from streams.identity.statements import Statements
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker, Record
from streams.kafka.producer import Message
from streams.runtime.telemetry import Telemetry
from streams.sentiment import VaderScorer
from streams.settings import Settings
from tests.unit.agents.ingest_bench import FakeProducer
from tests.unit.schemas.records import T0, minimal
from tests.unit.streams.records import FakeRecord

KEY = "a key that nobody knows"
MARK = "q7x"
DIGITS = "79460958"
"""One of the two stands in every identifier that is drawn, and in nothing else."""

WORDS = st.text("abc Ü😀-_.", max_size=8)
ADDRESSES = st.builds(
    "{}{}{}@{}.example{}".format,
    st.sampled_from(["", "<", "Ann <"]),
    WORDS,
    st.just(MARK),
    st.just("m"),
    st.sampled_from(["", ">", "."]),
)
NUMBERS = st.sampled_from(["+4420", "0044 20 ", "(020)", "tel:+44-20-", "020"]).map(
    lambda area: f"{area}{DIGITS[:4]} {DIGITS[4:]}"
)
IDS = st.builds("{}{}{}".format, WORDS, st.just(f"{MARK}-1"), WORDS)
IDENTIFIERS = st.dictionaries(
    st.sampled_from(["email", "phone", "twitter", "cookie", "device", "Loyalty_Card", "crm", "email "]),
    ADDRESSES | NUMBERS | IDS,
    max_size=4,
)
ELSEWHERE = st.sampled_from(
    [f"x.{MARK}@m.example", f"/a?b=x.{MARK}%40m.example", f"+44 20 {DIGITS}", f"Ü,y{MARK}@m.example;"]
)
"""What is replaced wherever it stands, whatever is stated."""


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw a message with identifiers: most of them hold, some are refused for one of many reasons."""
    kind = draw(st.sampled_from(sorted(TOUCHPOINT_KINDS)))
    record: dict[str, Any] = minimal(kind) | {
        "event_id": draw(st.sampled_from(["e-1", "e-2"])),
        "customer_id": draw(st.sampled_from([None, "c-1"]) | ELSEWHERE),
        "identifiers": draw(IDENTIFIERS),
        "attributes": draw(st.dictionaries(ELSEWHERE | WORDS, ELSEWHERE | WORDS, max_size=3)),
    }
    texts = [name for name, value in record.items() if isinstance(value, str) and name not in {"text", "currency"}]
    for name in draw(
        st.lists(st.sampled_from([*texts, "channel", "currency", "occurred_at", f"no such field {MARK}"]), max_size=2)
    ):
        record[name] = draw(ELSEWHERE)
    value = json.dumps(record).encode()
    return kind, value[: draw(st.sampled_from([len(value)] * 4 + [len(value) - 3]))]


def chunk_of(topic: str, *values: bytes) -> Chunk:
    tracker = OffsetTracker(topic, 0, 0, None, 1 << 20, 1 << 30)
    headers = [("customer", f"x.{MARK}@m.example".encode())]
    records = [FakeRecord(at, value, f"k{MARK}".encode(), T0, headers) for at, value in enumerate(values)]
    (chunk,) = tracker.track(Fetched(records, len(records), len(records)), 1 << 30)
    return chunk


def services_of(producer: object = None, **chosen: Any) -> Services:
    return Services(Settings(**chosen), cast(Producer, producer), Telemetry.on(CollectorRegistry()), lambda: T0)


def ingested(*values: tuple[str, bytes], key: str | None = KEY) -> tuple[list[Touchpoint], list[bytes], list[Message]]:
    """Return the touchpoints that INGEST makes of messages, the links in bytes, and the dead letters."""
    services = services_of(pseudonym_key=key)
    identities = open_identities(services)
    codec = Codec(FileRegistry(), UnknownFields(services.telemetry, show_names=key is None).note)
    validator, statements = Validator(services, codec, VaderScorer(), identities), Statements(identities)
    touchpoints, letters = [], []
    for kind, value in values:
        validated = validator.validate(chunk_of(KINDS[kind].topic, value), {}, 0)
        touchpoints += [item for _, item in validated.accepted if isinstance(item, Touchpoint)]
        letters += validated.refused
    stated = [statements.stated_by(one, 0) for one in touchpoints]
    return touchpoints, [identity_links.encode(one) for one in stated if one is not None], letters


def derived(touchpoints: Sequence[Touchpoint]) -> list[bytes]:
    """Return the facts and the changelog that JOURNEYS makes of touchpoints."""
    partition = Partition(0, 1, Rules())
    for offset, touchpoint in enumerate(touchpoints):
        record = journey_log.encode(touchpoint)
        for _ in partition.apply_in_parts(offset, journey_log.decode(record), record):
            pass
    output = partition.flush()
    facts = [encode_rows(rows) for rows in output.facts.values()]
    return facts + [part or b"" for entry in output.state for part in entry]


def shown(parts: Sequence[bytes]) -> list[bytes]:
    """Return those in which an identifier can be read."""
    return [one for one in parts if MARK.encode() in one or DIGITS.encode() in one.translate(None, b" -()")]


@settings(max_examples=150)
@given(st.lists(messages(), min_size=1, max_size=4))
def test_no_identifier_of_any_message_is_in_any_byte_that_is_written(values: list[tuple[str, bytes]]) -> None:
    with capture_logs() as logs:
        touchpoints, links, letters = ingested(*values)
    parts = [msgspec.msgpack.encode((one.key, one.value, list(one.headers))) for one in letters]

    assert shown([*map(journey_log.encode, touchpoints), *links, *parts, *derived(touchpoints)]) == []
    assert shown([str(logs).encode()]) == []
    assert len(touchpoints) + len(letters) == len(values)


def test_without_a_key_all_is_as_it_was_sent() -> None:
    record = minimal("page_view") | {
        "identifiers": {"email": f"X.{MARK}@m.example"},
        "attributes": {"a": "x@m.example"},
    }
    [touchpoint], _, _ = ingested(("page_view", json.dumps(record).encode()), key=None)

    assert touchpoint.identifiers == record["identifiers"]
    assert touchpoint.attributes == record["attributes"]


def test_a_dead_letter_has_its_place_its_reason_and_the_field_and_nothing_else() -> None:
    wrong = minimal("page_view") | {"channel": f"x.{MARK}@m.example" * 20}
    _, _, [letter] = ingested(("page_view", json.dumps(wrong).encode()))
    said = {name: (content or b"").decode() for name, content in letter.headers}

    assert (letter.key, letter.value) == (None, None)
    assert said.keys() == HEADERS
    assert (said["dlq.topic"], said["dlq.partition"], said["dlq.offset"]) == (KINDS["page_view"].topic, "0", "0")
    assert said["dlq.reason"] == "too_large"
    assert said["dlq.detail"].startswith("channel: ")


def noted(producer: FakeProducer) -> list[str]:
    found = [watermarks.decode(message.value or b"") for message in producer.to(WATERMARKS)]
    return [one.key_id for one in found if isinstance(one, PseudonymKey)]


async def started(before: Sequence[Any], **chosen: Any) -> list[str]:
    """Return the keys that a worker notes at its start, after what is there already."""

    async def history() -> AsyncIterator[Sequence[Record]]:
        yield [FakeRecord(at, watermarks.encode(one), one.key) for at, one in enumerate(before)]

    producer = FakeProducer()
    await check_key(services_of(producer, **chosen), history)
    return noted(producer)


ID, OTHER = key_id_of(KEY.encode()), "another key than that"
REPORTED, USED = TaskWatermark(0, 0, 1), PseudonymKey(0, ID)


async def test_the_first_key_is_noted_once_and_none_notes_nothing() -> None:
    assert await started([], pseudonym_key=KEY) == [ID]
    assert await started([USED, REPORTED], pseudonym_key=KEY) == []
    assert await started([REPORTED]) == []


async def test_a_first_key_over_what_is_stored_is_told_of() -> None:
    with capture_logs() as logs:
        assert await started([REPORTED], pseudonym_key=KEY) == [ID]
    assert "stays readable" in logs[0]["event"]


@pytest.mark.parametrize("chosen", [{}, {"pseudonym_key": OTHER}, {"pseudonym_key_old": OTHER}])
async def test_another_key_or_none_ends_the_worker(chosen: dict[str, str]) -> None:
    with pytest.raises(PseudonymKeyError, match=ID) as raised:
        await started([REPORTED, USED], **chosen)
    assert "TOUCHLINE_PSEUDONYM_KEY_OLD" in str(raised.value)
    assert OTHER not in str(raised.value)


async def test_a_command_needs_the_key_of_the_workers() -> None:
    async def history() -> AsyncIterator[Sequence[Record]]:
        yield [FakeRecord(0, watermarks.encode(USED), USED.key)]

    await check_key_of_command(Settings(pseudonym_key=SecretStr(KEY)), history)
    for other in (Settings(), Settings(pseudonym_key=SecretStr(OTHER), pseudonym_key_old=SecretStr(KEY))):
        with pytest.raises(PseudonymKeyError, match="set the same key here"):
            await check_key_of_command(other, history)


async def test_another_key_is_taken_where_the_earlier_one_is_named() -> None:
    with capture_logs() as logs:
        assert await started([USED], pseudonym_key=OTHER, pseudonym_key_old=f"{KEY}, {KEY}2") == [
            key_id_of(OTHER.encode())
        ]
        assert await started([USED], pseudonym_key_old=KEY) == [""]
        assert await started([USED, PseudonymKey(0, "")], pseudonym_key=OTHER) == [key_id_of(OTHER.encode())]
    assert all("key" in entry for entry in logs)
    assert OTHER not in str(logs)
