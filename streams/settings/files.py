"""Reads the files that settings name: text in UTF-8, up to a bound, whatever is at the path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from schemas.errors import TouchlineError

FILE_BYTES = 1 << 20
"""Bytes of a file; those that businesses write have thousands."""

Read = TypeVar("Read")


class FileError(TouchlineError):
    """A file that a setting names cannot be used; the message says which, what is wrong, and what to do."""


def text_of(file: str | Path) -> str:
    """Return a file's text.

    Raises:
        FileError: it cannot be read, is too large, or is no text; the message shows nothing of it.
    """
    try:
        with Path(file).open("rb") as opened:
            found = opened.read(FILE_BYTES + 1)
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror}; name one that is there and may be read") from error
    if len(found) > FILE_BYTES:
        raise FileError(f"{file} has more than {FILE_BYTES >> 20} MiB: name another file, or make it smaller")
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise FileError(f"{file} is not text in UTF-8, from line {line} on: save it as UTF-8") from error


def read_file(file: str | Path, read: Callable[[str], Read]) -> Read:
    """Return what is made of a file's text.

    Args:
        read: makes it; what it says of a text that does not hold is said with the file's name.

    Raises:
        FileError: as of `text_of`, or the text does not hold.
    """
    text = text_of(file)
    try:
        return read(text)
    except TouchlineError as error:
        raise FileError(f"{file}: {error}") from error
