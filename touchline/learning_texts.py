"""Reads the texts that topics are learned from: lines of JSON, each with a text, and perhaps with labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec

from streams.topics import Example
from touchline.training import BadLine, decode_lines

Label = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"\A[^\t\r\n]*\Z")]


class _Line(msgspec.Struct, frozen=True):
    """What is read of a line; whatever else it has is left alone."""

    text: str | None = None
    lang: str | None = None
    labels: tuple[Label, ...] | None = None


_decoder = msgspec.json.Decoder(_Line)


class LearningTexts(NamedTuple):
    """Texts to learn from, and the lines that hold none."""

    examples: list[Example]
    bad: list[BadLine]


def read_texts(lines: Iterable[bytes]) -> LearningTexts:
    """Return the texts in lines of JSON. Lines without a text are left out; one that is no such line is told of."""
    held, bad = decode_lines(lines, _decoder)
    examples = [
        Example(said.text, said.lang, None if said.labels is None else tuple(dict.fromkeys(said.labels)))
        for said in held
        if said.text and said.text.strip()
    ]
    return LearningTexts(examples, bad)
