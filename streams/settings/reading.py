"""Reading the settings from the environment, and listing them for documents."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from schemas.errors import TouchlineError
from schemas.text import printable
from streams.settings.settings import PREFIX, Settings


class SettingsError(TouchlineError):
    """A setting that is unknown or does not hold; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Documented:
    """One variable as documentation and `doctor` show it."""

    variable: str
    default: str
    meaning: str


def load(**overrides: Any) -> Settings:
    """Read the settings from the environment; `overrides` (field = value) win over it.

    Raises:
        SettingsError: a variable is unknown or its value does not hold.
    """
    _refuse_unknown(os.environ)
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def documented() -> list[Documented]:
    """Return every variable with its default and meaning: in the order of the fields, those of one command last."""
    listed = []
    # Those that are inherited would come first.
    groups = [group for group in Settings.__bases__ if issubclass(group, BaseSettings)]
    inherited = [name for group in groups for name in group.model_fields]
    own = [name for name in Settings.model_fields if name not in inherited]
    for name in own + inherited:
        info = Settings.model_fields[name]
        default = "" if info.default is None else str(info.default)
        listed.append(Documented(PREFIX + name.upper(), default, info.description or ""))
    return listed


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise SettingsError("\n".join(_unknown(name, known) for name in unknown))


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f"{printable(name)}: there is no such setting; did you mean {near[0]}?"


def _explain(error: ValidationError) -> str:
    """Return one line a fault, without the values: they may be secret."""
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        where = PREFIX + str(fault["loc"][0]).upper() if fault["loc"] else "settings"
        lines.append(f"{where}: {fault['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)
