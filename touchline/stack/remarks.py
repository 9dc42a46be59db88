"""Reads off the log of a worker or a sink what it is waiting for, to be told to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import NOT_READ

_TOLD = {"warning", "error", "critical"}

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Remarks:
    """What a log's own warnings say, each of them once."""

    def __init__(self, log: Path) -> None:
        """Begin at the start of a log, which need not exist yet."""
        self._log = log
        self._read = 0

    def new(self) -> list[str]:
        """Return the warnings with a cause since the last call, oldest first, each with its cause."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        entries = map(_entry, whole.splitlines())
        return [
            f"{entry['event']}: {entry['cause']}"
            for entry in entries
            if entry.get("level") in _TOLD and {"event", "cause"} <= entry.keys()
        ]


def _entry(line: bytes) -> dict[str, Any]:
    """Return a line of JSON, or nothing of any other line."""
    try:
        return _decode(line)
    except NOT_READ:
        return {}
