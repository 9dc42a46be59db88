"""Compressed data are inflated as whoever compressed them meant it, and never to more than is allowed."""

from __future__ import annotations

import gzip
import resource
import struct
import zlib
from typing import Any

import aiokafka.codec as aiokafka_codec
import cramjam
import pytest

from streams.kafka.inflate import GZIP, LZ4, SNAPPY, ZSTD, InflationError, TooLargeError, inflate

TEXT = b"".join(b"touchpoint %d of %d;" % (number, number**3) for number in range(20_000))
BOMB_BYTES = 200_000_000
LIMIT = 32 << 20


def raw_snappy(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(data))


def xerial(*blocks: bytes) -> bytes:
    """Return blocks in the framing of Java's snappy."""
    framed = b"".join(struct.pack(">i", len(block)) + block for block in blocks)
    return b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + framed


def zeros(codec: Any) -> bytes:
    """Return 200 MB of zeros, compressed in pieces."""
    compressor = codec.Compressor()
    for _ in range(BOMB_BYTES // 1_000_000):
        compressor.compress(b"\0" * 1_000_000)
    return bytes(compressor.finish())


def gzip_bomb() -> bytes:
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    pieces = [compressor.compress(b"\0" * 1_000_000) for _ in range(BOMB_BYTES // 1_000_000)]
    return b"".join([*pieces, compressor.flush()])


GOOD = {
    "gzip": (GZIP, gzip.compress(TEXT)),
    "gzip in two members": (GZIP, gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:])),
    "snappy": (SNAPPY, raw_snappy(TEXT)),
    "snappy in blocks": (SNAPPY, xerial(raw_snappy(TEXT[:999]), raw_snappy(TEXT[999:]))),
    "lz4": (LZ4, aiokafka_codec.lz4_encode(TEXT)),
    "lz4 in linked blocks": (LZ4, bytes(cramjam.lz4.compress(TEXT))),
    "zstd": (ZSTD, aiokafka_codec.zstd_encode(TEXT)),
    "zstd in two frames": (ZSTD, bytes(cramjam.zstd.compress(TEXT[:999])) + bytes(cramjam.zstd.compress(TEXT[999:]))),
}


@pytest.mark.parametrize(("codec", "data"), GOOD.values(), ids=list(GOOD))
def test_data_are_inflated_up_to_the_bound_and_not_beyond(codec: int, data: bytes) -> None:
    assert bytes(inflate(codec, memoryview(data), len(TEXT))) == TEXT
    assert bytes(inflate(codec, memoryview(data), LIMIT)) == TEXT
    with pytest.raises(TooLargeError, match=f"more than {len(TEXT) - 1} bytes"):
        inflate(codec, memoryview(data), len(TEXT) - 1)


def test_much_made_of_little_is_read_where_it_is_allowed() -> None:
    much = b"\0" * 20_000_000
    for codec, data in ((GZIP, gzip.compress(much)), (ZSTD, bytes(cramjam.zstd.compress(much)))):
        assert bytes(inflate(codec, memoryview(data), LIMIT)) == much


@pytest.mark.parametrize(("codec", "data"), GOOD.values(), ids=list(GOOD))
def test_broken_data_are_told(codec: int, data: bytes) -> None:
    for broken in (b"", b"x", data[: len(data) // 2], b"\0" * 64, b"\xff" * 64):
        with pytest.raises(InflationError):
            inflate(codec, memoryview(broken), LIMIT)


@pytest.mark.parametrize("codec", [0, 5, 7])
def test_a_codec_that_is_none_is_told(codec: int) -> None:
    with pytest.raises(InflationError, match=f"{codec} is not"):
        inflate(codec, memoryview(b"x"), LIMIT)


@pytest.mark.parametrize("length", [0, -4, -(1 << 31), 99, (1 << 31) - 1])
def test_a_block_of_snappy_that_leads_back_or_beyond_is_told(length: int) -> None:
    data = xerial() + struct.pack(">i", length) + b"\0" * 8
    with pytest.raises(InflationError, match="a block of"):
        inflate(SNAPPY, memoryview(data), LIMIT)


def test_what_a_block_of_snappy_states_is_not_allocated() -> None:
    four_gb = b"\xff\xff\xff\xff\x0f"
    for data in (four_gb + b"\0" * 100, xerial(four_gb, four_gb), xerial(*[raw_snappy(b"\0" * 1_000_000)] * 40)):
        with pytest.raises(TooLargeError):
            inflate(SNAPPY, memoryview(data), LIMIT)
    with pytest.raises(InflationError):  # it states less than it holds
        inflate(SNAPPY, memoryview(b"\x01" + raw_snappy(b"ab")[1:]), LIMIT)


@pytest.mark.parametrize(
    ("codec", "bomb"), [(GZIP, gzip_bomb), (LZ4, lambda: zeros(cramjam.lz4)), (ZSTD, lambda: zeros(cramjam.zstd))]
)
def test_a_bomb_takes_no_more_memory_than_the_bound(codec: int, bomb: Any) -> None:
    data = memoryview(bomb())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooLargeError):
        inflate(codec, data, LIMIT)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 3 * LIMIT // 1024
