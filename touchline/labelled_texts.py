"""Reads texts that sentiment is learned from: JSON lines as `touchline publish` takes them, and CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from schemas.limits import MESSAGE_BYTES
from schemas.text import printable
from streams.sentiment import Example, meanings
from touchline.errors import CommandError
from touchline.training import BadLine, decode_lines

TEXT_COLUMNS = ("text", "tweet", "content", "review", "message", "comment", "body", "sentence")
LABEL_COLUMNS = ("label", "sentiment", "airline_sentiment", "polarity", "target", "class", "rating", "stars")
_CUSTOMER = "customer"


class _Line(msgspec.Struct, frozen=True):
    """What is read of a line; whatever else it has is left alone."""

    text: str | None = None
    lang: str | None = None
    label: str | int | float | None = None
    author: str | None = None
    by: str | None = None
    rating: float | None = None
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    higher_is_better: bool = True


_decoder = msgspec.json.Decoder(_Line)


class LabelledTexts(NamedTuple):
    """Texts to learn from, and the lines that hold none."""

    examples: list[Example]
    bad: list[BadLine]


def read_json_lines(lines: Iterable[bytes]) -> LabelledTexts:
    """Return the texts of JSON lines that customers wrote, each with what its `label`, stars or survey score say.

    Raises:
        SentimentError: a label is not known.
    """
    held, bad = decode_lines(lines, _decoder)
    read = [said for said in held if said.text and said.text.strip() and _is_by_customer(said)]
    meant = meanings(str(said.label) for said in read if said.label is not None)
    return LabelledTexts([_example(said, meant) for said in read], bad)


def _is_by_customer(said: _Line) -> bool:
    return {said.author or _CUSTOMER, said.by or _CUSTOMER} == {_CUSTOMER}


def _example(said: _Line, meant: dict[str, int]) -> Example:
    label = _beside(said) if said.label is None else meant[str(said.label)]
    return Example(said.text or "", said.lang, label)


def _beside(said: _Line) -> int | None:
    """Return what stars (1 to 5) or a survey's score say of the text beside them: the outer two fifths."""
    if said.rating is not None:
        share = (said.rating - 1) / 4
    elif None not in (said.score, said.scale_min, said.scale_max) and said.scale_max != said.scale_min:
        share = (said.score - said.scale_min) / (said.scale_max - said.scale_min)  # type: ignore[operator]  # none is None
        share = share if said.higher_is_better else 1 - share
    else:
        return None
    return (share > 0.6) - (share < 0.4)


def read_csv(file: Path, text: str | None = None, label: str | None = None) -> list[Example]:
    """Return the texts of a CSV file whose first line names its columns; those without text are left out.

    Args:
        file: in UTF-8, separated by commas, semicolons or tabs.
        text: the column of texts; by default one of `TEXT_COLUMNS`.
        label: that of labels; by default none are read. A text without one has none.

    Raises:
        CommandError: it cannot be read, or has no such column.
        SentimentError: a label is not known.
    """
    csv.field_size_limit(min(sys.maxsize, MESSAGE_BYTES))
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            lines.seek(0)
            rows = csv.DictReader(lines, delimiter=max(",;\t", key=first.count))
            columns = rows.fieldnames or ()
            text = column_of(file, columns, text, TEXT_COLUMNS, "--text")
            label = None if label is None else column_of(file, columns, label, (), "--label")
            read = [(row[text] or "", "" if label is None else (row[label] or "").strip()) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{file} cannot be read: {error}; it has to be CSV in UTF-8") from error
    meant = meanings(said for _, said in read if said)
    return [Example(one, None, meant.get(said)) for one, said in read if one.strip()]


def column_of(file: Path, columns: Sequence[str], asked: str | None, usual: Sequence[str], option: str) -> str:
    """Return the column that was asked for, or the first of the usual ones, whatever its case.

    Raises:
        CommandError: there is none; the message names those that are there.
    """
    by_name = {column.strip().lower(): column for column in columns}
    for name in usual if asked is None else (asked,):
        if (found := by_name.get(name.strip().lower())) is not None:
            return found
    there = printable(", ".join(columns)) or "none"
    wanted = f"no column {asked!r}" if asked is not None else f"none of the columns {', '.join(usual)}"
    raise CommandError(f"{file} has {wanted}; its first line names: {there}; name one of these by {option}")
