"""The first pass: every line is checked; good lines go to the spool, bad ones to a file of rejected lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from schemas.inputs import CONTRACT_INPUTS, InputTopics
from touchline.publish.convert import BadLineError, Converter
from touchline.publish.lines import Line, read_lines
from touchline.publish.source import Source, open_source
from touchline.publish.spool import Spool

_LINES_PER_REPORT = 1000


@dataclass(frozen=True)
class Rejected:
    """The bad lines of one source: how many, and where they were written."""

    lines: int
    path: Path


class _RejectedFile:
    """Writes a source's bad lines to a file, which is made for the first of them."""

    def __init__(self, source: Source, on_rejected: Callable[[str, int, str], None]) -> None:
        self.lines = 0
        self._source = source
        self._on_rejected = on_rejected
        self._open = ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def add(self, line: Line, reason: str) -> None:
        """Report a bad line, and write it to the file."""
        if self._file is None:
            self._file = self._open.enter_context(_made_anew(self._source.rejected))
        self.lines += 1
        self._source.copy(line, self._file)
        self._on_rejected(self._source.name, line.number, reason)


def _made_anew(path: Path) -> BinaryIO:
    """Return an empty file that its user alone may read: bad lines are about customers, too.

    An earlier file is replaced, not written to: others might be able to read it, or have it open.
    """
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def read_files(
    paths: Iterable[Path],
    spool: Spool,
    on_rejected: Callable[[str, int, str], None],
    on_read: Callable[[int], None],
    inputs: InputTopics = CONTRACT_INPUTS,
) -> list[Rejected]:
    """Check all lines of all files; return the rejected lines of each file that has any.

    Args:
        paths: the files; `-` is standard input.
        spool: takes the messages of the good lines.
        on_rejected: is called with source, line number and reason of each bad line.
        on_read: is called every thousand lines with the number of further bytes read.
        inputs: the topics that the messages are for.

    Raises:
        OSError: a file cannot be read, or the bad lines cannot be written.
    """
    converter = Converter(inputs)
    found = []
    for path in paths:
        with open_source(path) as source, _RejectedFile(source, on_rejected) as bad:
            _read_file(source, converter, spool, bad, on_read)
        if bad.lines:
            found.append(Rejected(bad.lines, source.rejected))
    return found


def _read_file(
    source: Source, converter: Converter, spool: Spool, bad: _RejectedFile, on_read: Callable[[int], None]
) -> None:
    reported = 0

    def report(end: int) -> None:
        nonlocal reported
        stored = source.stored * end // source.size if source.size else source.stored
        on_read(stored - reported)
        reported = stored

    for line in read_lines(source.file, source.cut):
        try:
            occurred_at, message = converter.message(line)
        except BadLineError as error:
            bad.add(line, error.reason)
        else:
            spool.add(occurred_at, message)
        if line.number % _LINES_PER_REPORT == 0:
            report(line.end)
    report(source.size)
