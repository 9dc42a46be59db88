"""What would steer a terminal is escaped, and everything else is shown as it is."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RefusalError
from schemas.text import printable, printable_lines, shortened

# Unicode's own lists: characters that control, end a line, are halves, or show nothing and order text.
STEERING_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
STEERING_CLASSES = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u061c\u200e\u200f\ufeff\u200b\u2060"


def steers(character: str) -> bool:
    return (
        unicodedata.category(character) in STEERING_CATEGORIES
        or unicodedata.bidirectional(character) in STEERING_CLASSES
        or character in MARKS
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, naïve, 日本, 👩‍💻 and \\ too", "plain words, naïve, 日本, 👩‍💻 and \\ too"),
        ("\x1b[2J", "\\u001b[2J"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x9b31m\x7f\x00", "\\u009b31m\\u007f\\u0000"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("a\u2028b", "a\\u2028b"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\udcff", "\\udcff"),
    ],
)
def test_a_character_is_escaped_as_json_escapes_it(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_no_character_that_steers_is_left() -> None:
    everything = [chr(point) for point in range(sys.maxunicode + 1)]
    assert not [hex(ord(one)) for one in everything if steers(one) and printable(one) == one]
    letters = [one for one in everything if unicodedata.category(one)[0] in "LMNPS"]
    assert len(letters) > 100_000
    assert printable("".join(letters)) == "".join(letters)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_keeps_its_meaning(value: object) -> None:
    line = printable(json.dumps(value, ensure_ascii=False))
    assert json.loads(line) == value
    assert not any(map(steers, line))


def test_of_several_lines_each_stays_one() -> None:
    assert printable_lines("a\x1b\n\u202eb\r\n") == "a\\u001b\n\\u202eb\\r\n"


@given(st.text(st.sampled_from("a\x1b\n日\u202e"), max_size=600))
def test_a_reason_has_at_most_500_characters(text: str) -> None:
    reason = shortened(text)
    whole = printable(text)
    assert len(reason) <= 500
    assert reason == whole if len(whole) <= 500 else (reason[-1] == "…" and whole.startswith(reason[:-1]))


def test_a_refusal_says_why_in_500_printable_characters() -> None:
    refusal = RefusalError("missing_field", "\x1b" * 10_000)
    assert len(refusal.detail) == 500
    assert refusal.detail.startswith("\\u001b\\u001b")
