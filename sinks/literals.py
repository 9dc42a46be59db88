"""Texts as SQL writes them, where a statement takes no parameters."""

from __future__ import annotations

_QUOTED = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0"})


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return f"'{text.translate(_QUOTED)}'"
