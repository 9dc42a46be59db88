"""TOML that people write as settings: how deep it may nest, and what is said of text that is none."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from typing import TypeVar

import msgspec

from schemas.errors import TouchlineError

DEPTH_MAX = 16
"""Brackets within brackets, and parts of a key that dots separate; no setting has more than four."""

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"{3,5}|\Z)'  # strings of several lines; one without an end goes to the end
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:\\.|[^"\\\n])*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*"
    r"|[\[\]{}.\n=,]",
    re.DOTALL,
)
Form = TypeVar("Form")


class TomlError(TouchlineError):
    """Text that is no TOML, is nested too deeply, or says something else than it should; the message says where."""


def read_toml(text: str) -> dict[str, object]:
    """Return what a TOML file's text says.

    Raises:
        TomlError: it is no TOML, or is nested too deeply.
    """
    _check_depth(text)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TomlError(f"it is no TOML: {error}") from None
    except ValueError:
        raise TomlError("it has a number of more than 4,300 digits: write a shorter one") from None
    except RecursionError:
        raise TomlError(f"it is nested too deeply: {_ADVICE}") from None


def convert_toml(text: str, form: type[Form]) -> Form:
    """Return what a TOML file's text says, in a form that msgspec knows.

    Raises:
        TomlError: it is no TOML, is nested too deeply, or does not have this form.
    """
    try:
        return msgspec.convert(read_toml(text), form, builtin_types=(datetime, date, time), str_keys=True)
    except msgspec.ValidationError as error:
        raise TomlError(str(error)) from None


_ADVICE = f"write at most {DEPTH_MAX} brackets within each other, and keys of at most {DEPTH_MAX} parts"


def _check_depth(text: str) -> None:
    """Refuse what is nested too deeply before anything reads it: it could take minutes, or end in an error of Python.

    Raises:
        TomlError: it is.
    """
    depth = parts = 0
    for found in _TOKEN.finditer(text):
        sign = found[0]
        if sign in "[{":
            depth += 1
        elif sign in "]}":
            depth = max(0, depth - 1)
        parts = parts + 1 if sign == "." else parts if sign[0] in "\"'" else 0
        if depth > DEPTH_MAX or parts >= DEPTH_MAX:
            line = text.count("\n", 0, found.start()) + 1
            raise TomlError(f"line {line} is nested too deeply: {_ADVICE}")
