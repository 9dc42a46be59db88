"""Marks texts in Python for the catalogues; templates translate them when they are shown."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802  # the name by which gettext's tools find texts that are translated later
    """Return a text as it is."""
    return text
