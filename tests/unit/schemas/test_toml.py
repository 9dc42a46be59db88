"""TOML of any nesting is read or refused at once, and a person is told where it is wrong."""

from __future__ import annotations

import tomllib
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.toml import DEPTH_MAX, TomlError, convert_toml, read_toml

MANY = 100_000
"""More than a parser that calls itself can take: Python allows a thousand."""


def lists(depth: int) -> object:
    """Return an empty list, in one less than so many others."""
    return [] if depth == 1 else [lists(depth - 1)]


def tables(depth: int) -> object:
    """Return 1, in so many tables."""
    return 1 if depth == 0 else {"a": tables(depth - 1)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * DEPTH_MAX + "]" * DEPTH_MAX, {"a": lists(DEPTH_MAX)}),
        ("a = " + "{a = " * DEPTH_MAX + "1" + "}" * DEPTH_MAX, tables(DEPTH_MAX + 1)),
        (".".join("a" * DEPTH_MAX) + " = 1", tables(DEPTH_MAX)),
        ("a = [" + "1.5, " * 100 + "]\n", {"a": [1.5] * 100}),
        ("[[a]]\n" * 100, {"a": [{}] * 100}),
        # What is in texts and comments does not count, whatever their form.
        ('a = "' + "[" * 100 + '" # ' + "{" * 100, {"a": "[" * 100}),
        ("a = '" + "[" * 100 + "'", {"a": "[" * 100}),
        ('a = """\n' + "[{" * 100 + '\n\\""" """', {"a": "[{" * 100 + '\n""" '}),
        ("a = '''\n" + "[." * 100 + "''''", {"a": "[." * 100 + "'"}),
    ],
)
def test_what_people_write_is_read(text: str, said: dict[str, object]) -> None:
    assert read_toml(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * MANY,
        "a = " + "[" * MANY + "]" * MANY,
        "a = " + "{a = " * MANY,
        "a." * MANY + "a = 1",
        "'a' . " * MANY + "a = 1",
        "[" + "a." * MANY + "a]",
        'a = ["x", ' + "[" * MANY,
        'a = """x"""\nb = ' + "[" * MANY,
        "a = 'it''s'\nb = " + "[" * MANY,
        'a = "\\""\nb = ' + "[" * MANY,
        # What looks like a string to one reader, and like brackets to another.
        'a = ["""x"""", ' + "[" * MANY + '"',
    ],
)
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(TomlError, match="nested too deeply: write at most 16 brackets within each other"):
        read_toml(text)


def test_the_line_of_what_is_nested_too_deeply_is_named() -> None:
    with pytest.raises(TomlError, match=r"^line 3 is nested"):
        read_toml("a = 1\nb = '['\nc = " + "[" * 20)


def test_a_string_without_an_end_is_looked_through_once() -> None:
    """From each of its quotes to its end would be the square of its length: hours of it."""
    with pytest.raises(TomlError, match="no TOML"):
        read_toml('a = \\"""\n' * 100_000)


def test_a_number_that_is_too_long_is_refused() -> None:
    with pytest.raises(TomlError, match="write a shorter one"):
        read_toml("a = " + "1" * 5_000)


class Form(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for below."""

    a: int


def test_a_text_of_another_form_is_refused() -> None:
    assert convert_toml("a = 1", Form) == Form(1)
    for text, says in (("b = 1", "unknown field `b`"), ('a = "x"', "Expected `int`, got `str`"), ("a = = 1", "line 1")):
        with pytest.raises(TomlError, match=says):
            convert_toml(text, Form)


@given(st.text(st.sampled_from("a='\"\\.#[]{},\n \ud800"), max_size=200))
def test_whatever_the_text_is_there_is_an_answer_or_the_documented_error(text: str) -> None:
    with suppress(TomlError):
        assert read_toml(text) == tomllib.loads(text)
