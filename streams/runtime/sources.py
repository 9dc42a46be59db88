"""Which producing services have series of their own: few, and only what looks like a service's name."""

from __future__ import annotations

import re

MOST_SOURCES = 100
OTHER = "other"
"""The label of all sources beyond the first `MOST_SOURCES`, and of what looks like no service's name."""

# Producers choose the name. An e-mail address, a phone number or a person's full name does not fit.
_SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,63}")


class SourceLabels:
    """Gives sources their label in a process's metrics; their number is bounded, whatever producers write.

    Args:
        most: how many sources have a label of their own: those that are asked for first.
    """

    def __init__(self, most: int = MOST_SOURCES) -> None:
        self._most = most
        self._known: set[str] = set()

    def label(self, source: str) -> str:
        """Return the label of a source."""
        if source not in self._known:
            if len(self._known) >= self._most or not _SERVICE.fullmatch(source):
                return OTHER
            self._known.add(source)
        return source
