"""Small charts of block characters, for where a line says less."""

from __future__ import annotations

from collections.abc import Sequence

from rich.bar import Bar

BAR_WIDTH = 12
_BLOCKS = "▁▂▃▄▅▆▇█"


def bar(value: float, most: float, width: int = BAR_WIDTH) -> Bar:
    """Return a bar for a value, of full width for `most`; a value below 0 has none."""
    return Bar(size=max(most, 1e-9), begin=0, end=max(value, 0), width=width)


def sparkline(values: Sequence[float | None], most: float | None = None) -> str:
    """Return a character for each value, the lowest block for 0 or less; a dot for None.

    Args:
        values: in order of time.
        most: what the highest block stands for; by default the greatest value.
    """
    known = [value for value in values if value is not None]
    top = max(known, default=0.0) if most is None else most
    return "".join("·" if value is None else _block(value, top) for value in values)


def _block(value: float, top: float) -> str:
    if value <= 0 or top <= 0:
        return _BLOCKS[0]
    return _BLOCKS[min(round(value / top * (len(_BLOCKS) - 1)), len(_BLOCKS) - 1)]
