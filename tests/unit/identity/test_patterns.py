"""A business's own patterns of values that identify nobody."""

from __future__ import annotations

import time

import pytest

from streams.identity.patterns import PatternError, Patterns


def test_a_pattern_matches_whole_values_in_any_case() -> None:
    patterns = Patterns(r"kiosk-\d+, .*@(test|example)\.com")

    assert patterns.match("Kiosk-12")
    assert patterns.match("ANN@test.com")
    assert not patterns.match("kiosk-12b")
    assert not patterns.match("my kiosk-12")


def test_patterns_stand_between_commas_or_lines_and_keep_the_commas_of_repetitions() -> None:
    patterns = Patterns("a{2,3},b{1,}\n c\\x2cd \r\n,,")

    assert [value for value in ("aa", "aaa", "a", "bbb", "c,d", "c") if patterns.match(value)] == [
        "aa",
        "aaa",
        "bbb",
        "c,d",
    ]


@pytest.mark.parametrize("said", ["", " ", ",\n,"])
def test_without_patterns_nothing_matches(said: str) -> None:
    assert not Patterns(said)
    assert not Patterns(said).match("")


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("ok, ab(", r"pattern 2, 'ab\(', .*missing \)"),
        ("(?=a)", "pattern 1, .*invalid perl operator"),
        (r"(a)\1", "pattern 1, .*invalid escape sequence"),
        ("a{1,2000}", "pattern 1, .*repetition"),
        ("x" * 1_001, "pattern 1 has 1001 characters; at most 1000"),
        (",".join("x" * 101), "there are 101 patterns; at most 100"),
    ],
)
def test_what_is_no_pattern_is_named_with_its_place_and_fault(said: str, named: str) -> None:
    with pytest.raises(PatternError, match=named):
        Patterns(said)


def test_no_value_makes_a_pattern_slow() -> None:
    patterns = Patterns("(a+)+b, (a|a)*c, (.*)*d")
    began = time.process_time()

    # By backtracking this takes longer than the universe is old.
    assert not patterns.match("a" * 1_024 + "!")
    assert time.process_time() - began < 1
