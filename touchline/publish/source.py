"""A file or standard input, from which touchpoints are read, and the file for its bad lines."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from touchline.publish.lines import Line

STDIN = Path("-")
_PIECE = 1 << 20


@dataclass(frozen=True)
class Source:
    """An open source.

    Attributes:
        name: for people.
        rejected: the file for its bad lines.
        file: its bytes, from a file on disk.
        size: how many bytes there are.
    """

    name: str
    rejected: Path
    file: BinaryIO
    size: int

    def copy(self, line: Line, target: BinaryIO) -> None:
        """Write a line to `target`, byte for byte; `file` stays where it is read."""
        position = line.start
        while position < line.end:
            wanted = min(_PIECE, line.end - position)
            piece = os.pread(self.file.fileno(), wanted, position)
            if not piece:
                return
            target.write(piece)
            position += len(piece)


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a file; `-` is standard input, which like any pipe is copied to disk first.

    Raises:
        OSError: it cannot be read.
    """
    if path != STDIN and path.is_file():
        with path.open("rb") as file:
            rejected = path.with_name(path.name + ".rejected")
            yield Source(str(path), rejected, file, path.stat().st_size)
        return
    with tempfile.TemporaryFile(prefix="touchline-") as copy:
        if path == STDIN:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
        size = copy.tell()
        copy.seek(0)
        name = "standard input" if path == STDIN else str(path)
        yield Source(name, Path("stdin.rejected"), copy, size)
