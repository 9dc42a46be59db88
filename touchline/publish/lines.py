"""Reads the lines of a file of any size: the place of each, and its bytes unless there are too many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_LINE_BYTES = 8 << 20
"""No touchpoint of 1 MiB takes more than this as JSON (every byte escaped is six)."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line that is not blank.

    Attributes:
        number: counted from 1.
        start, end: its bytes in the file, line end included.
        data: the bytes without line end and byte order mark; None when over `MAX_LINE_BYTES`.
    """

    number: int
    start: int
    end: int
    data: bytes | None


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines of `file`, from its start; blank ones are counted but passed over."""
    number = start = 0
    while data := file.readline(MAX_LINE_BYTES):
        number += 1
        end = start + len(data)
        content = None if _cut(data) else data.strip()
        while _cut(data):
            data = file.readline(MAX_LINE_BYTES)
            end += len(data)
        if number == 1 and content is not None:
            content = content.removeprefix(BYTE_ORDER_MARK)
        if content != b"":
            yield Line(number, start, end, content)
        start = end


def _cut(data: bytes) -> bool:
    return len(data) == MAX_LINE_BYTES and not data.endswith(b"\n")
