"""Writing touchpoints as JSON lines, for the examples."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

Touchpoint = dict[str, Any]


def write_lines(out: Path, touchpoints: Iterable[Touchpoint]) -> int:
    """Write touchpoints, one JSON object a line, and return how many there were."""
    encode = msgspec.json.Encoder().encode
    count = 0
    with out.open("wb") as file:
        for touchpoint in touchpoints:
            file.write(encode(touchpoint) + b"\n")
            count += 1
    return count


def rfc3339(moment: datetime) -> str:
    """Return a moment in UTC as `touchline publish` reads it, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
