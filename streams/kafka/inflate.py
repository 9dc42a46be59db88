"""Inflates what Kafka's producers compressed, into no more memory than it is allowed: sizes that data state are claims.

gzip, lz4 and zstd are inflated into a buffer of a fixed size, which becomes larger by steps up to the bound. A snappy
block states its size, is inflated into as much, and is an error if it holds more or less.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import cramjam

from schemas.errors import TouchlineError

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
"""The codecs' numbers in a record batch."""

_STREAMS: dict[int, Any] = {GZIP: cramjam.gzip, LZ4: cramjam.lz4, ZSTD: cramjam.zstd}
_FULL = "failed to write whole buffer"
"""What cramjam says where the buffer is too small, whatever the codec."""
_FIRST_BYTES = 1 << 16
_STEP = 8
"""How many times the compressed size the first buffer is, and each next one the one before: most data need one."""

_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16
"""The framing of Java's snappy: a header, then blocks, each behind its length."""
_BLOCK_LENGTH = struct.Struct(">i")


class InflationError(TouchlineError):
    """Compressed data cannot be inflated: they are none, or end too early."""


class TooLargeError(InflationError):
    """Compressed data inflate to more than is allowed."""


def inflate(codec: int, data: memoryview, limit: int) -> bytes | memoryview:
    """Return inflated data.

    Args:
        codec: one of the codecs' numbers.
        data: compressed.
        limit: the most bytes that they may inflate to; no more memory than a few times that is taken.

    Raises:
        TooLargeError: they inflate to more.
        InflationError: they are broken, or of another codec.
    """
    try:
        if codec == SNAPPY:
            return _snappy(data, limit)
        if codec in _STREAMS:
            return _stream(_STREAMS[codec], data, limit)
    except cramjam.DecompressionError as error:
        raise InflationError(f"the compressed data are broken: {str(error)[:200]}") from error
    raise InflationError(f"{codec} is not the number of a codec")


def _stream(module: Any, data: memoryview, limit: int) -> memoryview:
    size = min(limit, max(_FIRST_BYTES, _STEP * len(data)))
    while True:
        buffer = bytearray(size)
        try:
            return memoryview(buffer)[: module.decompress_into(data, buffer)]
        except cramjam.DecompressionError as error:
            if _FULL not in str(error):
                raise
        if size == limit:
            raise TooLargeError(f"they inflate to more than {limit} bytes")
        size = min(limit, _STEP * size)


def _snappy(data: memoryview, limit: int) -> bytes:
    blocks = list(_xerial_blocks(data)) if data[: len(_XERIAL)] == _XERIAL else [data]
    if sum(map(_stated_size, blocks)) > limit:
        raise TooLargeError(f"they inflate to more than {limit} bytes")
    return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)


def _stated_size(block: memoryview) -> int:
    return int(cramjam.snappy.decompress_raw_len(block))


def _xerial_blocks(data: memoryview) -> Iterator[memoryview]:
    position = _XERIAL_HEADER
    while position < len(data):
        start = position + _BLOCK_LENGTH.size
        if start > len(data):
            raise InflationError("the compressed data end within a block's length")
        (length,) = _BLOCK_LENGTH.unpack_from(data, position)
        position = start + length
        if length <= 0 or position > len(data):
            raise InflationError(f"the compressed data have a block of {length} bytes")
        yield data[start:position]
