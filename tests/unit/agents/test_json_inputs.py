"""INGEST takes JSON beside Avro: CloudEvents count, unknown fields are counted and logged, tombstones refused."""

from __future__ import annotations

import json
from typing import cast

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.kinds.page_view import PageView
from schemas.topics import KIND_TOPICS
from streams.agents.services import Producer, Services
from streams.agents.unknown_fields import UnknownFields
from streams.agents.validation import Validated, Validator
from streams.identity.identities import Identities
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from streams.runtime.telemetry import Telemetry
from streams.sentiment import VaderScorer
from streams.settings import Settings
from tests.unit.streams.records import FakeRecord

NOW = 1_790_000_000_000
TOPIC = KIND_TOPICS["page_view"]
PAGE_VIEW = {"event_id": "e", "occurred_at": NOW, "source": "shop", "customer_id": "c", "page": "/"}


def chunk_of(*records: FakeRecord) -> Chunk:
    tracker = OffsetTracker(TOPIC, 0, 0, None, 1 << 20, 1 << 30)
    (chunk,) = tracker.track(Fetched(records, len(records), len(records)), 1 << 30)
    return chunk


def validated(telemetry: Telemetry, *records: FakeRecord) -> Validated:
    services = Services(Settings(), cast(Producer, None), telemetry, lambda: NOW)
    codec = Codec(FileRegistry(), UnknownFields(telemetry).note)
    return Validator(services, codec, VaderScorer(), Identities()).validate(chunk_of(*records), {}, 0)


def test_headers_of_a_cloud_event_complete_what_the_value_leaves_unsaid() -> None:
    value = json.dumps({"customer_id": "c", "page": "/"}).encode()
    headers = [("traceparent", b"\xff"), ("ce_id", b"7"), ("ce_source", b"/web"), ("ce_time", b"2026-09-21T14:13:20Z")]
    result = validated(
        Telemetry.on(CollectorRegistry()),
        FakeRecord(0, value, headers=headers),
        FakeRecord(1, value, headers=[("ce_id", b"\xff")]),
        FakeRecord(2, value),
    )
    [(_, viewed)] = result.accepted
    assert isinstance(viewed, PageView)
    assert (viewed.event_id, viewed.source, viewed.occurred_at) == ("/web/7", "/web", 1_790_000_000_000)
    reasons = [dict(letter.headers)["dlq.reason"] for letter in result.refused]
    assert reasons == [b"undecodable", b"missing_field"]


@pytest.mark.parametrize(
    ("length", "said"),
    [(300, b"source has 300 characters"), (5_000_000, b"the header ce_source of the CloudEvent has")],
)
def test_headers_of_a_cloud_event_have_the_limits_of_fields(length: int, said: bytes) -> None:
    value = json.dumps({"customer_id": "c", "page": "/", "event_id": "e"}).encode()
    headers = [("ce_id", b"7"), ("ce_source", b"x" * length), ("ce_time", b"2026-09-21T14:13:20Z")]
    headers.append(("ce_extension", b"y" * 2_000))

    result = validated(Telemetry.on(CollectorRegistry()), FakeRecord(0, value, headers=headers))

    (letter,) = result.refused
    assert said in (dict(letter.headers)["dlq.detail"] or b"")


def test_a_tombstone_is_refused_and_keeps_its_null() -> None:
    result = validated(Telemetry.on(CollectorRegistry()), FakeRecord(0, None, key=b"k"), FakeRecord(1, b""))
    assert [letter.value for letter in result.refused] == [None, b""]
    details = [dict(letter.headers)["dlq.detail"] or b"" for letter in result.refused]
    assert all(b"tombstone" in detail for detail in details)


def test_unknown_fields_are_counted_by_kind_and_logged_once_a_minute() -> None:
    telemetry = Telemetry.on(CollectorRegistry())
    long = "x" * 1000 + "\n"
    value = json.dumps(PAGE_VIEW | {"colour": "red", long: 1}).encode()
    with capture_logs() as logs:
        result = validated(telemetry, *[FakeRecord(offset, value) for offset in range(3)])
    assert len(result.accepted) == 3
    count = telemetry.registry.get_sample_value
    assert count("touchline_unknown_fields_total", {"kind": "page_view"}) == 6
    assert count("touchline_unknown_fields_total", {"kind": "tweet"}) == 0
    [entry] = logs
    assert (entry["kind"], entry["messages_since_last_logged"]) == ("page_view", 1)
    assert entry["fields"] == ["colour", "x" * 39 + "…"]
