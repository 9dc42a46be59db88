"""The first pass: every line is checked; the good ones wait in a spool, the bad ones are put aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from touchline.publish.check import BadLineError, Checker
from touchline.publish.lines import Line, read_lines
from touchline.publish.source import Source, open_source
from touchline.publish.spool import Spool

_TELL_EVERY = 1000


@dataclass(frozen=True)
class Rejected:
    """The bad lines of one source: how many, and where they were written."""

    lines: int
    path: Path


class _Bad:
    """Puts a source's bad lines aside; the file is made when the first one is found."""

    def __init__(self, source: Source, on_bad: Callable[[str, int, str], None]) -> None:
        self.lines = 0
        self._source = source
        self._on_bad = on_bad
        self._open = ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def add(self, line: Line, reason: str) -> None:
        """Tell of a bad line, and write it down."""
        if self._file is None:
            self._file = self._open.enter_context(self._source.rejected.open("wb"))
        self.lines += 1
        self._source.copy(line, self._file)
        self._on_bad(self._source.name, line.number, reason)


def collect(
    paths: Iterable[Path],
    spool: Spool,
    on_bad: Callable[[str, int, str], None],
    on_read: Callable[[int], None],
) -> list[Rejected]:
    """Check all lines of all files and return what was rejected of each that had bad lines.

    Args:
        paths: the files; `-` is standard input.
        spool: takes the messages of the good lines.
        on_bad: is told source, line number and reason of each bad line.
        on_read: is told now and then how many bytes more were read.

    Raises:
        OSError: a file cannot be read, or the bad lines cannot be written.
    """
    checker = Checker()
    found = []
    for path in paths:
        with open_source(path) as source, _Bad(source, on_bad) as bad:
            _collect_one(source, checker, spool, bad, on_read)
        if bad.lines:
            found.append(Rejected(bad.lines, source.rejected))
    return found


def _collect_one(source: Source, checker: Checker, spool: Spool, bad: _Bad, on_read: Callable[[int], None]) -> None:
    told = 0
    for line in read_lines(source.file):
        try:
            occurred_at, message = checker.message(line)
        except BadLineError as error:
            bad.add(line, error.reason)
        else:
            spool.add(occurred_at, message)
        if line.number % _TELL_EVERY == 0:
            on_read(line.end - told)
            told = line.end
    on_read(source.size - told)
