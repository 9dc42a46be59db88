"""The SQL of Wilson's interval of a share: said once, for all views that show one."""

from __future__ import annotations

import re

Z = 1.959963984540054
"""The 97.5th percentile of the standard normal: both ends of a 95 % interval."""

_PLACE = re.compile(r"\{wilson (low|high) of ([\w.]+) in ([\w.]+)\}")


def wilson(end: str, counted: str, of: str) -> str:
    """Return the expression for one end of the interval, widened to hold the share where it would not.

    Args:
        end: `low` or `high`.
        counted: what of the observations is counted: an expression.
        of: how many observations there are: an expression.
    """
    k, n = f"toFloat64({counted})", f"toFloat64({of})"
    centre = f"({k} + {Z * Z / 2}) / ({n} + {Z * Z})"
    half = f"{Z} * sqrt(greatest(0, {k} * ({n} - {k}) / {n}) + {Z * Z / 4}) / ({n} + {Z * Z})"
    if end == "low":
        return f"greatest(0, least({k} / {n}, {centre} - {half}))"
    return f"least(1, greatest({k} / {n}, {centre} + {half}))"


def filled(sql: str) -> str:
    """Return a statement with intervals in place of `{wilson low of COLUMN in COLUMN}`, and of `high`."""
    return _PLACE.sub(lambda found: wilson(found[1], found[2], found[3]), sql)
