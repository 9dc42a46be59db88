"""Reads the texts that topics are learned from: lines of JSON, each with a text, and perhaps with labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec

from schemas.limits import MESSAGE_BYTES
from streams.topics import Example

Label = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"\A[^\t\r\n]*\Z")]


class _Line(msgspec.Struct, frozen=True):
    """What is read of a line; whatever else it has is left alone."""

    text: str | None = None
    lang: str | None = None
    labels: tuple[Label, ...] | None = None


_decoder = msgspec.json.Decoder(_Line)


class BadLine(NamedTuple):
    """A line that is no text to learn from: its number, from 1, and what is wrong."""

    number: int
    reason: str


class LearningTexts(NamedTuple):
    """Texts to learn from, and the lines that hold none."""

    examples: list[Example]
    bad: list[BadLine]


def read_texts(lines: Iterable[bytes]) -> LearningTexts:
    """Return the texts in lines of JSON. Lines without a text are left out; one that is no such line is told of."""
    found = LearningTexts([], [])
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(line) > MESSAGE_BYTES:
            found.bad.append(BadLine(number, f"it has more than {MESSAGE_BYTES:,} bytes"))
            continue
        try:
            said = _decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            found.bad.append(BadLine(number, str(error)))
            continue
        if said.text and said.text.strip():
            labels = None if said.labels is None else tuple(dict.fromkeys(said.labels))
            found.examples.append(Example(said.text, said.lang, labels))
    return found
