"""Which of our series a PromQL expression reads, and which there are."""

from __future__ import annotations

import re

from streams.runtime.telemetry import declarations


def ours(expression: str) -> set[str]:
    """Return the names of touchline's series in an expression."""
    return set(re.findall(r"\btouchline_\w+", re.sub(r'"[^"]*"', "", expression)))


def series_of() -> set[str]:
    """Return the names of all series that touchline serves."""
    names = set()
    for _, kind, metric in declarations():
        if kind.__name__ == "Histogram":
            names |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
        else:
            names.add(metric.name)
    return names
