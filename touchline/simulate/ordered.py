"""Sorts lines by time on disk: memory holds a few megabytes of them, however many there are."""

from __future__ import annotations

import heapq
import os
import struct
import tempfile
from collections.abc import Iterator
from operator import itemgetter
from typing import IO

RUN_BYTES = 16 << 20
"""Lines are sorted in memory until they take so many bytes, and are then written as one run."""
_READ_BYTES = 64 << 10
_HEAD = struct.Struct("<qI")

_Timed = tuple[int, bytes]
_time_of = itemgetter(0)


class OrderedLines:
    """Lines with times, in a temporary file that goes when the object does.

    Args:
        run_bytes: as `RUN_BYTES`.
    """

    def __init__(self, run_bytes: int = RUN_BYTES) -> None:
        # Closed, and so deleted, with the object: the lines may be read long after they were written.
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="touchline-simulate-")  # noqa: SIM115
        self._runs: list[tuple[int, int]] = []
        self._pending: list[_Timed] = []
        self._pending_bytes = 0
        self._run_bytes = run_bytes

    def add(self, at: int, line: bytes) -> None:
        """Take a line of the time `at`, ms."""
        self._pending.append((at, line))
        self._pending_bytes += len(line)
        if self._pending_bytes >= self._run_bytes:
            self._write_run()

    def in_order(self) -> Iterator[bytes]:
        """Yield the lines by time; those of the same time in the order they were added."""
        self._write_run()
        for _, line in heapq.merge(*(self._read_run(start, end) for start, end in self._runs), key=_time_of):
            yield line

    def _write_run(self) -> None:
        start = self._file.tell()
        for at, line in sorted(self._pending, key=_time_of):
            self._file.write(_HEAD.pack(at, len(line)) + line)
        self._file.flush()
        self._runs.append((start, self._file.tell()))
        self._pending, self._pending_bytes = [], 0

    def _read_run(self, start: int, end: int) -> Iterator[_Timed]:
        descriptor, left = self._file.fileno(), b""
        while start < end or left:
            read = os.pread(descriptor, min(_READ_BYTES, end - start), start)
            start += len(read)
            data, place = left + read, 0
            while place + _HEAD.size <= len(data):
                at, size = _HEAD.unpack_from(data, place)
                behind = place + _HEAD.size + size
                if behind > len(data):
                    break
                yield at, data[place + _HEAD.size : behind]
                place = behind
            left = data[place:]
