"""Fetched record batches: what is compressed is read as before, up to a bound; beyond it, its places are told."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterator
from typing import Any

import cramjam
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, KIND_TOPICS, LINKS, RESUME_REQUESTS
from streams.kafka import batches
from streams.kafka.batches import MAX_FETCH_BYTES, MAX_LETTERS, BatchError, Unread, bound_batches
from streams.kafka.inflate import GZIP, LZ4, SNAPPY, ZSTD

INPUT = KIND_TOPICS["page_view"]
LIMIT = 1 << 16
CODECS = [GZIP, SNAPPY, LZ4, ZSTD]
RANDOM = random.Random(7)
NOISE = RANDOM.randbytes(30_000)
"""Not to be compressed."""


@pytest.fixture(autouse=True)
def bound() -> Iterator[None]:
    before = fetcher.MemoryRecords, fetcher.PartitionRecords, batches._limit
    bound_batches(LIMIT)
    yield
    fetcher.MemoryRecords, fetcher.PartitionRecords, batches._limit = before


def batch(codec: int, base: int, *values: bytes, producer: int = -1, transactional: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, transactional, producer, 0, 0, 1 << 30)
    for number, value in enumerate(values):
        builder.append(number, 1_000 + number, b"key", value, [("name", b"x")])
    data = bytearray(builder.build())
    data[:8] = base.to_bytes(8, "big")  # the broker's work; not in the checksum
    return bytes(data)


def unpacked(data: bytes, offset: int = 0, topic: str = INPUT, aborted: Any = None, level: int = 1) -> Any:
    """Return aiokafka's iterator over fetched data, as its fetcher makes it."""
    records = fetcher.MemoryRecords(data)
    assert records.has_next()
    assert records.size_in_bytes() == len(data)
    return fetcher.PartitionRecords(TopicPartition(topic, 3), records, aborted, offset, None, None, True, level)


def refusals(records: Any) -> list[tuple[int, str, bool]]:
    return [(r.offset, r.value.refusal.reason, r.value.refusal.first) for r in records if isinstance(r.value, Unread)]


@pytest.mark.parametrize("codec", [0, *CODECS])
def test_what_is_within_the_bound_is_read_as_before(codec: int) -> None:
    values = [b"first", b"", b"x" * 10_000, NOISE]
    records = unpacked(batch(codec, 40, *values) + batch(0, 44, b"plain"), offset=41)
    found = list(records)
    assert [(r.offset, r.value) for r in found] == [*zip((41, 42, 43), values[1:], strict=True), (44, b"plain")]
    assert [(r.timestamp, r.key, r.headers) for r in found[:1]] == [(1_001, b"key", (("name", b"x"),))]
    assert records.next_fetch_offset == 45


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_beyond_the_bound_is_refused_by_place_and_the_partition_goes_on_behind_it(codec: int) -> None:
    vast = batch(codec, 11, *[b"\0" * 30_000] * 3)
    records = unpacked(batch(codec, 10, b"before") + vast + batch(codec, 14, b"behind"), offset=10)
    found = list(records)
    assert [r.offset for r in found] == [10, 11, 12, 13, 14]
    assert [r.value for r in found] == [b"before", b"", b"", b"", b"behind"]
    assert refusals(found) == [(11, "too_large", True), (12, "too_large", False), (13, "too_large", False)]
    assert found[1].timestamp == 1_002, "the batch's latest"
    detail = found[1].value.refusal.detail
    assert f"{INPUT}, partition 3, offsets 11 to 13" in detail
    assert f"{len(vast)} bytes as they came, and they inflate to more than {LIMIT} bytes" in detail
    assert records.next_fetch_offset == 15


def test_a_batch_with_very_many_messages_gives_few_refusals_that_name_them_all() -> None:
    found = list(unpacked(batch(GZIP, 0, *[b"\0" * 100] * 5_000) + batch(0, 5_000, b"behind")))
    assert [r.offset for r in found] == [*range(MAX_LETTERS - 1), 4_999, 5_000]
    assert "this stands for the messages at offsets 999 to 4999" in found[-2].value.refusal.detail


def test_how_many_messages_a_batch_states_is_not_believed() -> None:
    data = bytearray(batch(GZIP, 0, b"\0" * 70_000))
    data[23:27] = data[57:61] = ((1 << 31) - 1).to_bytes(4, "big")  # the last offset's distance, and the count
    stated = unpacked(bytes(data))
    stated._check_crcs = False
    found = list(stated)
    assert [r.offset for r in found] == [*range(MAX_LETTERS - 1), (1 << 31) - 1]
    assert stated.next_fetch_offset == 1 << 31


@pytest.mark.parametrize("codec", CODECS)
def test_broken_data_are_refused_by_place_too(codec: int) -> None:
    data = bytearray(batch(codec, 5, b"one", b"two"))
    data[61:] = b"\xff" * (len(data) - 61)
    whole = unpacked(bytes(data) + batch(0, 7, b"behind"), offset=5)
    whole._check_crcs = False  # as from a producer that computed it over these bytes
    found = list(whole)
    assert refusals(found) == [(5, "undecodable", True), (6, "undecodable", False)]
    assert found[-1].value == b"behind"


@pytest.mark.parametrize("topic", [DEAD_LETTERS, RESUME_REQUESTS])
def test_whoever_writes_where_anybody_may_write_ends_no_process(topic: str) -> None:
    assert len(refusals(unpacked(batch(ZSTD, 0, b"\0" * 70_000), topic=topic))) == 1


@pytest.mark.parametrize("topic", [JOURNEYS_LOG, LINKS])
def test_in_a_topic_of_ours_nothing_is_passed_over(topic: str) -> None:
    with pytest.raises(BatchError, match=f"{topic}, partition 3, offsets 0 to 0.*operating.md"):
        list(unpacked(batch(ZSTD, 0, b"\0" * 70_000), topic=topic))


def test_a_fetch_ends_where_it_has_inflated_much_and_the_rest_is_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kafka.batches.MAX_FETCH_BYTES", 100_000)
    assert MAX_FETCH_BYTES < 32 << 20
    records = unpacked(b"".join(batch(GZIP, offset, b"\0" * 40_000) for offset in range(9)))
    assert [r.offset for r in records] == [0, 1, 2]
    assert records.next_fetch_offset == 3


def test_what_was_aborted_is_not_inflated() -> None:
    aborted = batch(ZSTD, 0, b"\0" * 70_000, producer=9, transactional=1)
    assert [r.offset for r in unpacked(aborted + batch(0, 1, b"x"), aborted=[(9, 0)])] == [1]


def test_a_batch_with_a_wrong_checksum_is_still_found_out() -> None:
    data = bytearray(batch(ZSTD, 0, b"one"))
    data[-1] ^= 1
    with pytest.raises(Exception, match="Invalid CRC"):
        list(unpacked(bytes(data)))


@pytest.mark.parametrize(("magic", "codec"), [*itertools.product((0, 1), (GZIP, SNAPPY)), (1, LZ4)])
def test_batches_of_the_old_format_are_bounded_too(magic: int, codec: int) -> None:
    def old(base: int, *values: bytes) -> bytes:
        builder = LegacyRecordBatchBuilder(magic, codec, 1 << 30)
        for number, value in enumerate(values):
            builder.append(number if magic else base + number, 1_000, b"key", value)
        data = bytearray(builder.build())
        data[:8] = (base + len(values) - 1).to_bytes(8, "big")
        return bytes(data)

    found = list(unpacked(old(0, b"one", b"two") + old(2, b"\0" * 40_000, b"\0" * 40_000) + old(4, b"behind"), level=0))
    assert [(r.offset, bytes(r.value)) for r in found] == [(0, b"one"), (1, b"two"), (3, b""), (4, b"behind")]
    assert refusals(found) == [(3, "too_large", True)]


def renamed(codec: int, name: bytes) -> bytes:
    """Return a batch from offset 7 whose second record has a header of this name, of four bytes."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, 0, 0, 1 << 30)
    for number, header in enumerate(("fine", "xxxx", "good")):
        builder.append(number, 1_000 + number, None, b"value %d" % number, [("a", None), (header, b"content")])
    data = bytes(builder.build()).replace(b"xxxx", name)
    body = compressed(codec, data[61:])
    made = bytearray(data[:61] + body)
    made[:8] = (7).to_bytes(8, "big")
    made[8:12] = (len(made) - 12).to_bytes(4, "big")
    made[22] = codec
    made[17:21] = calc_crc32c(bytes(made[21:])).to_bytes(4, "big")
    return bytes(made)


def compressed(codec: int, data: bytes) -> bytes:
    if codec == 0:
        return data
    return bytes({GZIP: cramjam.gzip, LZ4: cramjam.lz4, ZSTD: cramjam.zstd}[codec].compress(data))


@pytest.mark.parametrize("codec", [0, GZIP, LZ4, ZSTD])
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"\xff\xfe\xfd\xfc", "????"),
        (b"a\xc3(b", "a?(b"),
        (b"\xed\xa0\x80c", "???c"),
        (b"\xc3\xa9\xe2\x82", "\u00e9??"),
        ("\u00e9\u00e9".encode(), "\u00e9\u00e9"),
    ],
)
def test_a_header_whose_name_is_not_utf8_is_read(codec: int, name: bytes, shown: str) -> None:
    records = unpacked(renamed(codec, name) + batch(0, 10, b"behind"), offset=7, topic=JOURNEYS_LOG)
    found = list(records)
    assert [(r.offset, r.value) for r in found] == [
        (7, b"value 0"),
        (8, b"value 1"),
        (9, b"value 2"),
        (10, b"behind"),
    ]
    assert [r.headers[1] for r in found[:3]] == [("fine", b"content"), (shown, b"content"), ("good", b"content")]
    assert [(r.timestamp, r.key) for r in found[:3]] == [(1_000, None), (1_001, None), (1_002, None)]
    assert records.next_fetch_offset == 11


def with_headers(codec: int, *counts: int, name: bytes = b"") -> bytes:
    """Return a batch from offset 0 of records with so many empty headers, the last of each with a name."""
    body = b"".join(record_with(number, count, name) for number, count in enumerate(counts))
    packed = compressed(codec, body)
    tail = struct.pack(">hiqqqhii", codec, len(counts) - 1, 1_000, 1_000, -1, -1, -1, len(counts)) + packed
    return struct.pack(">qiibI", 0, len(tail) + 9, 0, 2, calc_crc32c(tail)) + tail


def record_with(number: int, headers: int, name: bytes) -> bytes:
    last = varint(len(name)) + name + b"\0" if headers else b""
    fields = b"\0" + varint(0) + varint(number) + varint(-1) + varint(2) + b"{}" + varint(headers)
    record = fields + b"\0\0" * (headers - 1) + last
    return varint(len(record)) + record


def varint(number: int) -> bytes:
    zigzag, out = (number << 1) ^ (number >> 63), b""
    while zigzag > 127:
        out += bytes([zigzag & 127 | 128])
        zigzag >>= 7
    return out + bytes([zigzag])


@pytest.mark.parametrize("codec", [0, ZSTD])
def test_a_message_with_very_many_headers_is_refused_without_them_and_those_beside_it_are_read(codec: int) -> None:
    bound_batches(1 << 22)
    found = list(unpacked(with_headers(codec, 1_000, 1_001, 2)))
    assert [(r.offset, len(r.headers), r.value) for r in found] == [(0, 1_000, b"{}"), (1, 0, b""), (2, 2, b"{}")]
    assert refusals(found) == [(1, "too_large", True)]
    assert found[1].value.refusal.detail == "it has 1001 headers, at most 1000 are read"


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ((600_000,), "a message has 600000 headers, at most 1000 are read"),
        ((999,) * 600, "it has more than 100000 headers"),
        ((1,) * 50_001, "it has more than 50000 messages"),
    ],
)
def test_a_batch_that_inflates_to_very_much_small_is_refused_before_it_is_read(
    counts: tuple[int, ...], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound_batches(1 << 22)
    data = unpacked(with_headers(ZSTD, *counts, name=b"of some twenty bytes") + batch(0, len(counts), b"behind"))
    monkeypatch.setattr(batches, "DefaultRecordBatch", None)  # whoever reads the records fails
    records = iter(data)
    first = next(records)
    assert (first.offset, first.value.refusal.reason) == (0, "too_large")
    assert why in first.value.refusal.detail


def test_headers_count_towards_what_a_fetch_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kafka.batches.MAX_FETCH_BYTES", 100_000)
    records = unpacked(b"".join(with_base(with_headers(0, 900), offset) for offset in range(9)))
    # 900 of 64 bytes each: the second batch is over the bound.
    assert [r.offset for r in records] == [0, 1]
    assert records.next_fetch_offset == 2


def with_base(data: bytes, offset: int) -> bytes:
    return offset.to_bytes(8, "big") + data[8:]


def test_names_that_are_not_utf8_are_made_readable_among_so_many_headers_only() -> None:
    bound_batches(1 << 22)
    few, many = (list(unpacked(with_headers(ZSTD, *(500,) * n, name=b"\xff"))) for n in (40, 41))
    assert [len(r.headers) for r in few] == [500] * 40
    assert few[0].headers[-1] == ("?", b"")
    assert refusals(many) == [(offset, "too_large", offset == 0) for offset in range(41)]
    small = list(unpacked(with_headers(ZSTD, *(0,) * 50_000, 1, name=b"\xff")))
    assert "it has more than 50000 messages" in small[-1].value.refusal.detail
    assert "a header's name is not UTF-8, and it has more than 20000 headers" in many[0].value.refusal.detail
