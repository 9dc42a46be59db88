"""Output of the commands: results on standard output, everything else on standard error, outside text escaped."""

from __future__ import annotations

import logging
import sys
from typing import Self

import click
import structlog
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from schemas.text import printable, printable_lines
from streams.runtime.logging import renderers

_LIBRARIES = ("faust", "mode", "aiokafka", "asyncio", "clickhouse_driver")

MAX_WIDTH = 120
PIPE_WIDTH = 80


def quiet_libraries() -> None:
    """Show our own warnings on standard error, and silence the libraries: commands explain their errors.

    The worker and the sink set up their own logging instead.
    """
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, *renderers("console")],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def say(line: str = "", *, err: bool = False) -> None:
    """Print a line on standard output, or on standard error; text from outside in it cannot steer the terminal."""
    click.echo(printable(line), err=err)


def write(output: bytes) -> None:
    """Write a result on standard output: as it is into a pipe or a file, and printable on a terminal."""
    stdout = click.get_binary_stream("stdout")
    if stdout.isatty():
        # A tab stays, as it separates columns.
        output = "\t".join(map(printable_lines, output.decode(errors="replace").split("\t"))).encode()
    stdout.write(output)


def styled(text: str, style: str = "") -> Text:
    """Return a line for a rich console, in a style of rich's; text from outside in it cannot steer the terminal."""
    return Text(printable(text), style=style)


def result_console() -> Console:
    """Return the console for results; 80 columns wide, without colours, where standard output is not a terminal."""
    if sys.stdout.isatty():
        console = Console(highlight=False)
        console.width = min(console.width, MAX_WIDTH)
        return console
    return Console(highlight=False, width=PIPE_WIDTH)


def progress_console() -> Console:
    """Return the console for progress and remarks."""
    return Console(stderr=True, highlight=False)


class Steps:
    """Shows the step that is under way: a bar on a terminal, otherwise one line for each step."""

    def __init__(self, console: Console) -> None:
        self._bar = progress_bar(console)
        self._console = console
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away."""
        self._bar.stop()

    def begin(self, what: str) -> None:
        """Begin a step of unknown length."""
        if not self._console.is_terminal:
            self._console.print(styled(f"{what} ..."), soft_wrap=True)
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(escape(printable(what)), total=None)

    def remark(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(styled(text), soft_wrap=True)

    def show(self, done: int, total: int | None = None) -> None:
        """Show how far the step has come; `total` is None where nobody knows how long it is.

        Where less is done than before, something else is counted from then on.
        """
        if self._task is None:
            return
        if done < self._bar.tasks[0].completed:
            self._bar.reset(self._task)
        self._bar.update(self._task, completed=done, total=total)


class _Pace(ProgressColumn):
    """How much is done, and how much of it in a second."""

    def render(self, task: Task) -> Text:
        """Return both, as far as they are known."""
        done = f"{task.completed:,.0f}" if task.total is None else f"{task.percentage:3.0f}%"
        speed = task.finished_speed or task.speed
        if task.total is None and not task.completed:
            done = ""
        return Text(f"{done} {speed:,.0f}/s" if speed else done, style="progress.percentage")


def progress_bar(console: Console) -> Progress:
    """Return a progress bar with its pace and the time that is left; elsewhere than on a terminal it shows nothing."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        _Pace(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
