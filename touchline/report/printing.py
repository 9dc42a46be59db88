"""What all sections of the report are printed with: headings, sentences and tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from touchline.report.estimates import Estimate
from touchline.terminal import styled


def heading(title: str, console: Console) -> None:
    """Print the heading of a section."""
    console.print()
    console.rule(styled(title, "bold"), align="left", characters="─")


def say(text: str, console: Console, style: str = "") -> None:
    """Print a sentence."""
    console.print(styled(text, style))


def say_indented(sentences: Sequence[str], console: Console, style: str = "") -> None:
    """Print sentences two columns further in, each on lines of its own."""
    for sentence in sentences:
        console.print(Padding(styled(sentence, style), (0, 0, 0, 2)))


def new_table(*columns: str) -> Table:
    """Return a table whose first column is text and whose other columns are numbers."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    made.add_column(columns[0])
    for column in columns[1:]:
        made.add_column(column, justify="right")
    return made


def between(estimate: Estimate) -> str:
    """Return the ends of a share's interval."""
    if estimate.low is None or estimate.high is None:
        return "too few to say"
    return f"{estimate.low:.0%} and {estimate.high:.0%}"
