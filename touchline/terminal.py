"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

MAX_WIDTH = 120
PIPE_WIDTH = 80


def page() -> Console:
    """Return the console for results; plain and 80 columns wide when it is no terminal."""
    if sys.stdout.isatty():
        console = Console(highlight=False)
        console.width = min(console.width, MAX_WIDTH)
        return console
    return Console(highlight=False, width=PIPE_WIDTH)


def aside() -> Console:
    """Return the console for progress and remarks."""
    return Console(stderr=True, highlight=False)


def progress_bar(console: Console) -> Progress:
    """Return a progress bar; on a console that is no terminal it shows nothing."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
