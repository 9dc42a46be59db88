"""What the commands that learn from texts share: lines of JSON that they read, and the file that they write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import click
import msgspec

from schemas.limits import MESSAGE_BYTES
from schemas.text import MAX_QUOTED, shortened
from touchline.terminal import say

Line = TypeVar("Line")


class BadLine(NamedTuple):
    """A line that is no text to learn from: its number, from 1, and what is wrong."""

    number: int
    reason: str


def lines_of(file: Path) -> Iterator[bytes]:
    """Yield the lines of a file; of standard input where its name is -."""
    with click.open_file(str(file), "rb") as lines:
        yield from lines


def decode_lines(lines: Iterable[bytes], decoder: msgspec.json.Decoder[Line]) -> tuple[list[Line], list[BadLine]]:
    """Return what lines of JSON hold, empty ones aside, and those that hold no such thing."""
    held: list[Line] = []
    bad: list[BadLine] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(line) > MESSAGE_BYTES:
            bad.append(BadLine(number, f"it has more than {MESSAGE_BYTES:,} bytes"))
            continue
        try:
            held.append(decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            bad.append(BadLine(number, str(error)))
    return held, bad


def tell_bad_lines(bad: list[BadLine], where: str = "") -> None:
    """Say how many lines are left out, and what is wrong with the first.

    Args:
        bad: the lines.
        where: what begins the sentence: the file that they are of.
    """
    if bad:
        reason = shortened(bad[0].reason, MAX_QUOTED)
        say(f"{where}{len(bad):,} lines are left out; the first is line {bad[0].number}: {reason}", err=True)


def write_model(out: Path, text: str) -> None:
    """Write the file of a model: whoever reads it meanwhile has the one before."""
    unfinished = out.with_name(f"{out.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(out)
