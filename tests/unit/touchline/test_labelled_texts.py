"""Texts to learn sentiment from: touchpoints as JSON lines, with what stands beside their words, and CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streams.sentiment import SentimentError
from touchline.errors import CommandError
from touchline.labelled_texts import read_csv, read_json_lines


def read(*lines: dict[str, Any]) -> list[tuple[str, int | None]]:
    found = read_json_lines(json.dumps(line).encode() for line in lines)
    assert not found.bad
    return [(example.text, example.label) for example in found.examples]


@pytest.mark.parametrize(
    ("beside", "label"),
    [
        ({}, None),
        ({"rating": 5}, 1),
        ({"rating": 4}, 1),
        ({"rating": 3}, 0),
        ({"rating": 2}, -1),
        ({"rating": 1}, -1),
        ({"score": 9, "scale_min": 0, "scale_max": 10}, 1),
        ({"score": 5, "scale_min": 0, "scale_max": 10}, 0),
        ({"score": 2, "scale_min": 1, "scale_max": 7}, -1),
        ({"score": 2, "scale_min": 1, "scale_max": 7, "higher_is_better": False}, 1),
        ({"score": 3, "scale_min": 3, "scale_max": 3}, None),
        ({"score": 3}, None),
        ({"label": "negative", "rating": 5}, -1),
    ],
)
def test_stars_scores_and_labels_say_what_the_text_does(beside: dict[str, Any], label: int | None) -> None:
    assert read({"kind": "tweet", "text": "so it was", **beside}, {"text": "x", "label": "neutral"})[0][1] == label


def test_only_the_customers_own_words_are_read() -> None:
    lines = [
        {"text": "mine"},
        {"text": "mine too", "author": "customer"},
        {"text": "the brand's", "author": "brand"},
        {"text": "the agent's", "by": "agent"},
        {"notes": "no text"},
        {"text": "  "},
    ]
    assert [text for text, _ in read(*lines)] == ["mine", "mine too"]


def test_lines_that_do_not_hold_are_told_by_number() -> None:
    found = read_json_lines([b'{"text": "a"}', b"", b"{", b'{"text": 3}', b'{"text": "' + b"a" * (9 << 20) + b'"}'])
    assert [example.text for example in found.examples] == ["a"]
    assert [number for number, _ in found.bad] == [3, 4, 5]


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(SentimentError, match="label 'banana' is not known"):
        read({"text": "a", "label": "banana"})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_by_the_names_of_its_columns(tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "texts.csv"
    rows = [("id", "Tweet", "Mood"), ("1", '"late\nagain"', "0"), ("2", "fine", "4"), ("3", "", "4"), ("4", "hm", "")]
    file.write_text("\ufeff" + "\n".join(delimiter.join(row) for row in rows), encoding="utf-8")
    found = read_csv(file, label="mood")
    assert [(each.text, each.label) for each in found] == [("late\nagain", -1), ("fine", 1), ("hm", None)]
    assert [each.label for each in read_csv(file)] == [None, None, None]
    assert [each.text for each in read_csv(file, text="ID")] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("content", "asked", "message"),
    [
        (b"id,words\n1,a\n", {}, "none of the columns text, tweet,.* its first line names: id, words; .* by --text"),
        (b"text,mood\na,1\n", {"label": "label"}, "no column 'label'; .*names: text, mood; .* by --label"),
        (b"", {}, "its first line names: none"),
        (b"text\n\xff\n", {}, "has to be CSV in UTF-8"),
        (b"text\n" + b"a" * (9 << 20), {}, "field larger than field limit"),
    ],
)
def test_csv_that_cannot_be_read_is_told(tmp_path: Path, content: bytes, asked: dict[str, str], message: str) -> None:
    file = tmp_path / "texts.csv"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        read_csv(file, **asked)
