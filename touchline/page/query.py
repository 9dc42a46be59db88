"""A question to the views: its SQL, the values that it names, and both as one text that can be copied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sinks.literals import quoted

Row = Mapping[str, Any]
Rows = list[dict[str, Any]]
"""Column to value."""

SLOW_S = 60.0
"""Seconds for which an answer is kept that takes long: of views that go through everybody's whole history."""
_PLACEHOLDER = re.compile(r"\{(\w+):[^}]+\}")


@dataclass(frozen=True)
class Query:
    """A question to the views.

    Attributes:
        name: in the address of its CSV.
        sql: one statement with placeholders.
        kept_s: seconds for which an answer may be shown again: of what takes long and changes slowly.
        is_basis: whether all screens wait for it, so that no other query may keep it from a thread.
    """

    name: str
    sql: str
    kept_s: float = 0.0
    is_basis: bool = False

    def named(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return those of the values that the statement names."""
        return {name: values[name] for name in dict.fromkeys(_PLACEHOLDER.findall(self.sql))}

    def shown(self, values: Mapping[str, object]) -> str:
        """Return the statement with its values written into it, for people to copy: it is never run like this."""
        return _PLACEHOLDER.sub(lambda found: _literal(values[found[1]]), self.sql).strip()


def _literal(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return "NULL" if value is None else str(value)
