"""Texts in the form that any identifier has."""

from __future__ import annotations

import sys
import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.identity import text
from streams.identity.text import ascii_digits, cleaned, folded

PLAIN = {"Lo", "So", "Co", "Cn"}
"""Unicode's categories of characters without case, and of those that nobody has defined: most of all characters."""
CHARACTERS = [
    char
    for char in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(char) not in PLAIN or not unicodedata.is_normalized("NFKC", char)
]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("  C-7\t\r\n", "C-7"),
        ("C\u00a07", "C 7"),
        ("C\t7", "C 7"),
        ("C\u20287", "C 7"),
        ("a\u200bb\u200cc\u200dd\ufeffe\u00adf\u2060g\u180eh", "abcdefgh"),
        ("\u202eann\u202c", "ann"),
        ("\x00a\x1b[31m\x7f\x85b", "a[31m b"),
        ("a\ufe0fb\U000e0041c\u3164d\uffa0e\u115ff", "abcdef"),
        ("ＡＢＣ１２３", "ABC123"),
        ("e\u0301", "é"),
        ("e\u200b\u0301", "é"),
        ("ﬁ²①", "fi21"),
        ("\u200b \u200b", ""),
    ],
)
def test_a_text_is_what_is_seen_of_it(written: str, seen: str) -> None:
    assert cleaned(written) == seen


def test_of_what_grows_beyond_all_limits_only_so_much_is_returned() -> None:
    assert 1_024 < len(cleaned("\ufdfa" * 1_024)) < 3_000
    assert 1_024 < len(cleaned("a" * 800 + "\ufdfa" * 224)) < 3_500
    assert cleaned("\u00e9" * 1_024) == "\u00e9" * 1_024
    assert cleaned("e\u0301" * 600) == "\u00e9" * 600


@pytest.mark.parametrize("longest", [256, 1_024])
def test_of_what_grows_beyond_its_limit_no_more_is_looked_at_than_shows_it(
    longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look at one character that becomes 18 takes a microsecond: of 63 names of 256 of them all were looked at."""
    looked_at, normalize = 0, unicodedata.normalize

    def counted(form: Literal["NFKC"], some: str) -> str:
        nonlocal looked_at
        looked_at += len(some)
        return normalize(form, some)

    monkeypatch.setattr(unicodedata, "normalize", counted)

    assert len(cleaned("\ufdfa" * longest, longest)) > longest
    assert looked_at <= longest / 18 + 32


@pytest.mark.parametrize("parts", ["\u03b1\u0313\u0300\u0345", "\u1112\u1161\u11ab", "e\u0301"])
def test_what_is_as_long_as_may_be_is_whole_however_its_parts_are_cut(parts: str) -> None:
    one = unicodedata.normalize("NFKC", parts)
    for before in range(5):
        assert cleaned("x" * before + parts * (256 - before), 256) == "x" * before + one * (256 - before)


def test_blanks_around_a_text_make_it_not_too_long_so_that_its_end_is_lost() -> None:
    """Two identifiers that differ at their end would be one."""
    assert cleaned(" " * 900 + "\ufdfa" * 40 + "a") == cleaned("\ufdfa" * 40 + "a")
    assert cleaned("\ufdfa" * 40 + "a" + " " * 900)[-1] == "a"


def test_what_is_remembered_of_characters_has_a_bound_and_others_are_remembered_behind_it() -> None:
    every = "".join(chr(point) for point in range(0x1F000) if not 0xD800 <= point < 0xE000)

    assert cleaned(every[:1_000]) == cleaned(every[:1_000])
    cleaned(every)
    assert len(text._SEEN) <= text._KEPT

    assert cleaned("a\u200b\U0001f600") == "a\U0001f600"
    assert 0x1F600 in text._SEEN


def test_no_character_leaves_anything_unseen() -> None:
    for character in CHARACTERS:
        left = cleaned(f"a{character}b")
        assert not {unicodedata.category(one) for one in left} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert cleaned(left) == left
        both = folded(left)
        assert folded(both) == both


@given(st.text())
def test_a_form_stays_itself(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)
    assert folded(folded(cleaned(text))) == folded(cleaned(text))


@pytest.mark.parametrize(("one", "other"), [("ΑΝΝΑΣ", "αννας"), ("STRASSE", "straße"), ("ÉLODIE", "élodie")])
def test_letters_differ_by_no_case(one: str, other: str) -> None:
    assert folded(one) == folded(other)


def test_digits_of_every_script_are_digits() -> None:
    assert ascii_digits("٠٤ ४२ ７-a") == "04 42 7-a"
