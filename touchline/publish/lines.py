"""Reads the lines of a file of any size: the place of each, and its bytes unless there are too many."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from schemas.avro.envelopes import BYTE_ORDER_MARK

MAX_LINE_BYTES = 8 << 20
"""No touchpoint of 1 MiB takes more than this as JSON (every byte escaped is six)."""

_HEAD_BYTES = 4
_WIDE_ENCODINGS = {
    "UTF-16": re.compile(rb"\xff\xfe[^\0]\0|\xfe\xff\0[^\0]", re.DOTALL),
    "UTF-16LE": re.compile(rb"[^\0]\0[^\0]\0", re.DOTALL),
    "UTF-16BE": re.compile(rb"\0[^\0]\0[^\0]", re.DOTALL),
    "UTF-32": re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff"),
}
"""By encoding: the first four bytes of a file of JSON lines; a crash leaves four zeros instead."""


class Line(NamedTuple):
    """A line that is not blank.

    Attributes:
        number: counted from 1.
        start, end: its bytes in the file, line end included.
        data: the bytes without line end and byte order mark; None where they cannot be a touchpoint.
        fault: why they cannot.
    """

    number: int
    start: int
    end: int
    data: bytes | None
    fault: str = ""


def read_lines(file: BinaryIO, cut: str = "") -> Iterator[Line]:
    """Yield the lines of `file`, from its start; blank ones are counted but passed over.

    A file in UTF-16 or UTF-32, whose lines cannot be told apart, is one bad line.

    Args:
        file: can be sought.
        cut: why the data end before their time; empty where they do not. The line at which they end is bad.
    """
    head = file.read(_HEAD_BYTES)
    for encoding, pattern in _WIDE_ENCODINGS.items():
        if pattern.fullmatch(head):
            fault = f"the file is {encoding}; make it UTF-8: iconv -f {encoding} -t UTF-8 OLD > NEW"
            yield Line(1, 0, file.seek(0, io.SEEK_END), None, fault)
            return
    file.seek(0)
    number = start = 0
    for number, line in enumerate(_lines(file), start=1):
        if cut and not line.ended:
            break
        if line.data != b"":
            fault = f"the line is longer than {MAX_LINE_BYTES:,} bytes" if line.data is None else ""
            yield Line(number, start, line.end, line.data, fault)
        start = line.end
    else:
        number += 1
    if cut:
        yield Line(number, start, file.tell(), None, f"{cut}; {number - 1:,} lines before this one were read")


class _Read(NamedTuple):
    """A line as it is in the file: where it ends, its stripped bytes unless too many, and whether it has its end."""

    end: int
    data: bytes | None
    ended: bool


def _lines(file: BinaryIO) -> Iterator[_Read]:
    end = 0
    while data := file.readline(MAX_LINE_BYTES):
        end += len(data)
        content = None if _is_part(data) else data.strip().removeprefix(BYTE_ORDER_MARK)
        while _is_part(data):
            data = file.readline(MAX_LINE_BYTES)
            end += len(data)
        yield _Read(end, content, data.endswith(b"\n"))


def _is_part(data: bytes) -> bool:
    return len(data) == MAX_LINE_BYTES and not data.endswith(b"\n")
