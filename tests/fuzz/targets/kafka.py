"""What Kafka hands on as producers made it: batches of records, requests to take up an input, notes beside offsets."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from typing_extensions import override

from schemas import watermarks
from schemas.errors import NOT_READ
from schemas.pauses import PauseNote, ResumeRequest, decode_note, decode_request, encode_note, encode_request
from schemas.topics import KIND_TOPICS
from schemas.watermarks import PartitionTime, TaskWatermark
from streams.kafka.batches import Unread, bound_batches
from streams.kafka.inflate import GZIP, LZ4, SNAPPY, ZSTD
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.values import changed_bytes, changed_tree, number, text

LIMIT = 1 << 20
"""Bytes that a batch may inflate to here."""
_INPUT = KIND_TOPICS["page_view"]
_CODECS = (0, GZIP, SNAPPY, LZ4, ZSTD)
_HEADER = 61
_GZIP_TIME_AT = _HEADER + 4
_CHECKED_FROM = 21
_CHECKSUM_AT = 17


class Batches(Target):
    """Fetched batches, compressed or not, whose compressed data are anything: a broker does not inflate all of them."""

    # What a broker would not have taken.
    documented = (CorruptRecordException,)

    def __init__(self) -> None:
        bound_batches(LIMIT)

    @override
    def make(self, rng: random.Random) -> bytes:
        codec = rng.choice(_CODECS)
        builder = DefaultRecordBatchBuilder(2, codec, 0, -1, 0, 0, 1 << 30)
        large = rng.choice((1_000, LIMIT, 3 * LIMIT)) if codec and rng.random() < 0.1 else 0
        for offset in range(rng.choice((1, 3, 50))):
            value = text(rng).encode() if offset or not large else b"\0" * large
            builder.append(offset, abs(number(rng)) >> 2, rng.choice((None, b"key")), value, [(text(rng), b"x")])
        data = bytes(builder.build())
        if codec == GZIP:  # whose header tells the time
            data = _sealed(data[:_HEADER], data[_HEADER:_GZIP_TIME_AT] + b"\0" * 4 + data[_GZIP_TIME_AT + 4 :])
        if codec and rng.random() < 0.6:
            data = _sealed(data[:_HEADER], changed_bytes(rng, data[_HEADER:]))
        return data

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        records = fetcher.MemoryRecords(data)
        assert records.has_next()
        unpacked = fetcher.PartitionRecords(TopicPartition(_INPUT, 3), records, None, 0, None, None, True, 1)
        yield CPU_MS
        size = sum(len(record.value or b"") for record in unpacked if not isinstance(record.value, Unread))
        assert size <= LIMIT + len(data), "more is inflated than may be"


def _sealed(header: bytes, body: bytes) -> bytes:
    """Return a batch of a header and other data, with its length and checksum: the broker checks both."""
    batch = bytearray(header + body)
    batch[8:12] = (len(batch) - 12).to_bytes(4, "big")
    batch[_CHECKSUM_AT:_CHECKED_FROM] = calc_crc32c(bytes(batch[_CHECKED_FROM:])).to_bytes(4, "big")
    return bytes(batch)


class Notes(Target):
    """Requests to take up an input, which anybody may send, notes beside offsets, and watermarks."""

    documented = NOT_READ

    @override
    def make(self, rng: random.Random) -> bytes:
        note = encode_note(PauseNote(since=number(rng), hold_until=number(rng), reached=number(rng))).encode()
        request = encode_request(ResumeRequest(_INPUT))
        report = rng.choice((PartitionTime, TaskWatermark))
        watermark = msgspec.msgpack.encode(report(*(abs(number(rng)) for _ in range(3))))
        which, data = rng.choice(((0, note), (1, request), (2, watermark)))
        if rng.random() < 0.5:
            form: Any = msgspec.msgpack if which == 2 else msgspec.json
            data = form.encode(changed_tree(rng, form.decode(data)))
        data = changed_bytes(rng, data) if rng.random() < 0.5 else data
        if rng.random() < 0.02:
            data = rng.choice((b"[", b'{"a":', b"\x91")) * 20_000
        return bytes([which]) + data

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        which, said = data[0], data[1:]
        yield CPU_MS
        if which == 0:
            decode_note(said.decode(errors="replace"))
        elif which == 1:
            decode_request(said)
        else:
            watermarks.decode(said)
