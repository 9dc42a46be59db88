"""A file or standard input, plain or gzip, from which touchpoints are read, and the file for its bad lines."""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from touchline.publish.lines import Line

STDIN = Path("-")
_PIECE = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Source:
    """An open source.

    Attributes:
        name: for people.
        rejected: the file for its bad lines.
        file: its bytes, from a file on disk; those of gzip unpacked.
        size: how many bytes `file` has.
        stored: how many bytes the source itself has.
        cut: why gzip could not be unpacked to its end; empty where it could.
    """

    name: str
    rejected: Path
    file: BinaryIO
    size: int
    stored: int
    cut: str

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

    What begins as gzip does, whatever its name, is unpacked to disk as far as that can be done.

    Raises:
        OSError: it cannot be read.
    """
    name, rejected = str(path), path.with_name(path.name + ".rejected")
    if path == STDIN:
        name = "standard input"
    if path == STDIN or not path.is_file():
        rejected = Path("stdin.rejected")
    with ExitStack() as opened:
        file = opened.enter_context(_on_disk(path))
        stored = os.fstat(file.fileno()).st_size
        cut = ""
        if file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC:
            packed, file = file, opened.enter_context(_temporary())
            cut = _unpack(packed, file)
        file.seek(0)
        yield Source(
            name=name,
            rejected=rejected,
            file=file,
            size=os.fstat(file.fileno()).st_size,
            stored=stored,
            cut=cut,
        )


@contextmanager
def _on_disk(path: Path) -> Iterator[BinaryIO]:
    """Open a file at its start; a pipe as a copy."""
    if path != STDIN and path.is_file():
        with path.open("rb") as file:
            yield file
        return
    with _temporary() as copy:
        if path == STDIN:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
        copy.seek(0)
        yield copy


@contextmanager
def _temporary() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(prefix="touchline-") as file:
        yield file


def _unpack(packed: BinaryIO, target: BinaryIO) -> str:
    """Write what gzip holds to `target`; return why it ends before its time, empty where it does not."""
    packed.seek(0)
    try:
        with gzip.GzipFile(fileobj=packed) as unpacked:
            # `read` would lose what it has when the data end within it.
            while piece := unpacked.read1(_PIECE):
                target.write(piece)
    except EOFError:
        return "the gzip data are cut short here"
    except (gzip.BadGzipFile, zlib.error) as error:
        return f"the gzip data are damaged here ({error})"
    finally:
        target.flush()
    return ""
