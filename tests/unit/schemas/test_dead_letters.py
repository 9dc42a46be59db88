"""Dead letters: the message as it came, and where, why, when and by whom it was refused."""

from __future__ import annotations

import re

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from schemas.dead_letters import (
    DeadLetter,
    Encoded,
    decode,
    encode,
    encode_lost,
    epoch_ms,
    rfc3339,
    row_of,
    without_contents,
)
from schemas.topics import DEAD_LETTERS, all_topics
from sinks.batch import Batch
from sinks.database import select
from tests.contract.engine import Engine
from tests.unit.streams.records import FakeRecord

NOON = 1_767_268_800_123  # 2026-01-01T12:00:00.123Z


def letter(record: FakeRecord, detail: str = "no such thing") -> Encoded:
    return encode(
        DeadLetter(
            reason="undecodable",
            detail=detail,
            stage="ingest",
            topic="touchpoints.tweets.v1",
            partition=3,
            offset=record.offset,
            at=rfc3339(NOON),
            key=record.key,
            value=record.value,
            headers=record.headers,
        )
    )


def lost(detail: str) -> Encoded:
    return encode_lost(
        DeadLetter(
            reason="event_id_collision",
            detail=detail,
            stage="journeys",
            topic="t",
            partition=1,
            offset=4,
            at=rfc3339(NOON),
        )
    )


def test_key_value_and_headers_are_byte_for_byte_as_they_came() -> None:
    odd = FakeRecord(7, b"\x00\xff", key=b"\xfe", headers=(("a", b"\xff"), ("a", b""), ("", b"x")))
    made = letter(odd)
    assert (made.key, made.value) == (b"\xfe", b"\x00\xff")
    assert list(made.headers)[:3] == [("a", b"\xff"), ("a", b""), ("", b"x")]


def test_the_headers_of_the_contract_are_added() -> None:
    assert dict(letter(FakeRecord(7)).headers) == {
        "dlq.reason": b"undecodable",
        "dlq.detail": b"no such thing",
        "dlq.stage": b"ingest",
        "dlq.topic": b"touchpoints.tweets.v1",
        "dlq.partition": b"3",
        "dlq.offset": b"7",
        "dlq.at": b"2026-01-01T12:00:00.123Z",
    }


def test_an_absent_key_and_value_stay_absent() -> None:
    made = letter(FakeRecord(7, None))
    assert (made.key, made.value) == (None, None)


def test_a_row_says_what_the_letter_says() -> None:
    made = letter(FakeRecord(7, b"body"), detail="a\u0301 ✓")
    row = row_of(FakeRecord(40, made.value, made.key, NOON + 9, made.headers), 3, epoch=2)
    assert (row.topic, row.partition, row.offset) == ("touchpoints.tweets.v1", 3, 7)
    assert (row.reason, row.detail, row.stage) == ("undecodable", "a\u0301 ✓", "ingest")
    assert (row.refused_at, row.raw, row.version) == (NOON, b"body", 2 << 48 | 40 << 8)


def test_of_a_message_refused_twice_the_later_refusal_holds() -> None:
    first = letter(FakeRecord(7, b"body"), "first")
    again = letter(FakeRecord(90, first.value, headers=first.headers), "second")
    row = row_of(FakeRecord(41, again.value, headers=again.headers), 3, epoch=0)
    assert (row.offset, row.detail) == (90, "second")


def test_what_is_no_dead_letter_gives_a_row_all_the_same() -> None:
    row = row_of(FakeRecord(5, b"?", timestamp=NOON), 2, epoch=0)
    assert (row.topic, row.partition, row.offset) == (DEAD_LETTERS, 2, 5)
    assert (row.reason, row.raw, row.refused_at) == ("undecodable", b"?", NOON)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("dlq.partition", "-1"),
        ("dlq.partition", str(1 << 32)),
        ("dlq.offset", "-1"),
        ("dlq.offset", str(1 << 64)),
        ("dlq.offset", "9" * 5000),
        ("dlq.at", "0001-01-01T00:00:00Z"),
        ("dlq.at", "9999-12-31T23:59:59Z"),
        ("dlq.at", "0001-01-01T00:00:00"),
    ],
)
def test_headers_that_no_column_can_hold_are_none(header: str, value: str) -> None:
    made = letter(FakeRecord(7, b"body"))
    headers = [*made.headers, (header, value.encode())]
    row = row_of(FakeRecord(40, made.value, made.key, NOON, headers), 3, epoch=0)
    assert (row.topic, row.partition, row.offset, row.refused_at) == (DEAD_LETTERS, 3, 40, NOON)
    assert (row.reason, row.raw) == ("undecodable", b"body")


@pytest.mark.parametrize("timestamp", [-(1 << 63), (1 << 63) - 1])
def test_a_timestamp_that_no_column_can_hold_is_no_time(timestamp: int) -> None:
    assert row_of(FakeRecord(5, b"?", timestamp=timestamp), 2, epoch=0).refused_at == 0


@pytest.mark.embedded
def test_the_outermost_headers_that_are_taken_are_stored(chdb: Engine) -> None:
    outermost = [
        ("dlq.partition", str((1 << 31) - 1), "dlq.offset", str((1 << 63) - 1), "dlq.at", "1900-01-01T00:00:00Z"),
        ("dlq.partition", "0", "dlq.offset", "0", "dlq.at", "2299-12-31T23:59:59.999Z"),
    ]
    batch = Batch()
    for offset, texts in enumerate(outermost):
        given = [(name, text.encode()) for name, text in zip(texts[::2], texts[1::2], strict=True)]
        made = letter(FakeRecord(7, b"body"))
        batch.add_row("dead_letters", row_of(FakeRecord(offset, b"", headers=[*made.headers, *given]), 3, epoch=0))
    batch.flush(chdb)
    stored = select(chdb, "SELECT partition, toString(offset), refused_at FROM dead_letters_rows ORDER BY partition")
    assert stored == [
        [0, "0", "2299-12-31 23:59:59.999"],
        [(1 << 31) - 1, str((1 << 63) - 1), "1900-01-01 00:00:00.000"],
    ]


def test_a_letter_about_a_message_that_is_gone_says_so() -> None:
    made = lost("d")
    assert (made.key, made.value) == (None, None)
    assert b"no longer in its topic" in (dict(made.headers)["dlq.detail"] or b"")


NINE_MIB = b"\0" * (9 << 20)


@pytest.mark.parametrize(
    "large",
    [
        FakeRecord(7, NINE_MIB, key=b"k"),
        FakeRecord(7, b"v", key=NINE_MIB),
        FakeRecord(7, b"v", headers=(("h", NINE_MIB),)),
        FakeRecord(7, b"v", headers=(("h\u00e4" * (3 << 20), b""),)),
    ],
    ids=["value", "key", "header", "name"],
)
def test_of_a_message_too_large_for_the_topic_the_letter_says_where_it_stands(large: FakeRecord) -> None:
    made = letter(large, detail="d" * 5000)
    assert (made.key, made.value) == (None, None)
    headers = dict(made.headers)
    assert headers["dlq.offset"] == b"7"
    detail = (headers["dlq.detail"] or b"").decode()
    assert "touchpoints.tweets.v1, partition 3, offset 7" in detail
    assert int(re.findall(r"its (\d+) bytes", detail)[0]) > 9 << 20
    assert len(detail) == 500


def test_a_letter_fits_into_its_topic_uncompressed() -> None:
    (takes,) = (int(topic.config["max.message.bytes"]) for topic in all_topics() if topic.name == DEAD_LETTERS)
    whole = [size for size in range(takes - 2000, takes) if letter(FakeRecord(7, bytes(size))).value is not None]
    assert whole
    for size in (whole[0], whole[-1]):
        batch = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=1 << 30,
        )
        made = letter(FakeRecord(7, bytes(size)))
        batch.append(0, NOON, made.key, made.value, list(made.headers))
        assert len(batch.build()) <= takes


def test_the_note_that_a_message_is_gone_is_not_cut() -> None:
    made = lost("d" * 5000)
    assert (dict(made.headers)["dlq.detail"] or b"").endswith(b"no longer in its topic")


def test_what_is_decoded_is_what_was_encoded() -> None:
    refused = DeadLetter(
        reason="undecodable",
        detail="d",
        stage="ingest",
        topic="t",
        partition=3,
        offset=7,
        at=rfc3339(NOON),
        key=b"k",
        value=b"v",
        headers=[("h", b"\xff")],
    )
    assert decode(*encode(refused)) == refused


def test_missing_headers_leave_gaps_and_those_of_others_stay() -> None:
    found = decode(b"k", b"v", [("dlq.reason", b"mine"), ("dlq.note", b"theirs"), ("dlq.offset", b"9" * 5000)])
    assert (found.reason, found.detail, found.partition, found.offset) == ("mine", "", -1, -1)
    assert list(found.headers) == [("dlq.note", b"theirs")]


def test_times_are_rfc_3339_to_the_millisecond() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    for ms in (0, 1, 999, NOON, NOON + 876):
        assert epoch_ms(rfc3339(ms)) == ms


@pytest.mark.parametrize(
    ("detail", "begins"),
    [
        ("event_id has 129 characters: ann@example.com", "event_id: "),
        ("ann is no field of a purchase", ""),
        ("'ann@example.com' is no time", ""),
        ("+442079460958 is too long", ""),
        ("", ""),
    ],
)
def test_a_letter_without_contents_names_a_field_of_ours_and_nothing_that_was_sent(detail: str, begins: str) -> None:
    whole = DeadLetter("missing_field", detail, "ingest", "t", 1, 2, rfc3339(NOON), b"ann", b"ann", (("ann", b"ann"),))

    bare = without_contents(whole)

    assert bare.detail.startswith(begins)
    assert "ann" not in repr(bare)
    assert "2079460958" not in repr(bare)
    assert (bare.reason, bare.topic, bare.partition, bare.offset) == ("missing_field", "t", 1, 2)
