"""What all sections of the report are printed with: no section is longer than ten lines, whatever it is of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from touchline.report.estimates import Estimate
from touchline.terminal import styled

MOST_LINES = 10
"""Lines of a section, its heading among them, on a terminal of 80 columns or more."""

Cell = str | Text | Bar


@dataclass(frozen=True)
class Said:
    """A sentence; what goes on for more than `most` lines is cut, and ends in an ellipsis."""

    text: str
    style: str = ""
    most: int = 2


@dataclass(frozen=True)
class Rows:
    """Rows of a table, of which as many are shown as the section has room for.

    Attributes:
        columns: their headings; the first `texts` of them are of text, the others of numbers.
        rows: their cells, each on `height` lines.
        query: shows all of them, also those that have no room; "" where none does.
        more: how many there are beyond `rows`.
        of_rest: says what those come to that are not shown, of the number of those that are; by default their number.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    query: str
    more: int = 0
    of_rest: Callable[[int], str] | None = None
    height: int = 1
    texts: int = 1

    def lines(self, shown: int) -> int:
        """Return how many lines it takes if so many rows are shown."""
        return any(self.columns) + shown * self.height + (self.rest(shown) > 0)

    def rest(self, shown: int) -> int:
        """Return how many rows are not shown."""
        return len(self.rows) + self.more - shown


Part = Said | Rows


def print_section(title: str, parts: Sequence[Part], console: Console) -> None:
    """Print a section: its heading and its parts, one below the other."""
    heading(title, console)
    sentences = {place: _wrapped(part, console) for place, part in enumerate(parts) if isinstance(part, Said)}
    room = MOST_LINES - 1 - sum(map(len, sentences.values()))
    tables = [part for part in parts if isinstance(part, Rows)]
    shown = iter(rows_shown(tables, room))
    for place, part in enumerate(parts):
        if isinstance(part, Rows):
            _print_rows(part, next(shown), console)
            continue
        for line in sentences[place]:
            console.print(line, no_wrap=True, crop=True)


def rows_shown(tables: Sequence[Rows], room: int) -> list[int]:
    """Return how many rows of each table have room in so many lines: by turns one of each."""
    shown = [0] * len(tables)
    grows = True
    while grows:
        grows = False
        for place, table in enumerate(tables):
            wider = [*shown[:place], shown[place] + 1, *shown[place + 1 :]]
            lines = sum(other.lines(number) for other, number in zip(tables, wider, strict=True))
            if wider[place] <= len(table.rows) and lines <= room:
                shown, grows = wider, True
    return shown


def _wrapped(said: Said, console: Console) -> list[Text]:
    lines = list(styled(said.text, said.style).wrap(console, console.width))
    if len(lines) > said.most:
        lines = lines[: said.most]
        lines[-1].truncate(console.width - 1)
        lines[-1].append("…")
    return lines


def _print_rows(part: Rows, shown: int, console: Console) -> None:
    table = _new_table(part)
    for row in part.rows[:shown]:
        table.add_row(*map(_on_its_lines, row))
    console.print(table)
    if part.rest(shown):
        _print_rest(part.of_rest(shown) if part.of_rest else f"{part.rest(shown):,} more", part.query, console)


def _print_rest(rest: str, query: str, console: Console) -> None:
    """Print what is left out and the query, which is never cut: it is there to be copied."""
    line = styled(f"… and {rest}", "dim")
    shown = f": {query}" if query else ""
    line.truncate(max(console.width - len(shown), len("… and")), overflow="ellipsis")
    console.print(line.append(shown), soft_wrap=True)


def _on_its_lines(cell: Cell) -> Bar | Text:
    """Return a cell that is cut where a column is too narrow, and never wrapped."""
    if isinstance(cell, Bar):
        return cell
    text = styled(cell) if isinstance(cell, str) else cell.copy()
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def heading(title: str, console: Console) -> None:
    """Print the heading of a section."""
    console.print()
    console.rule(styled(title, "bold"), align="left", characters="─")


def _new_table(part: Rows) -> Table:
    has_head = any(part.columns)
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), show_header=has_head)
    for place, column in enumerate(part.columns):
        is_text = place < part.texts
        # Where the page is narrow, columns of text become narrower, and numbers stay whole.
        made.add_column(_on_its_lines(column), justify="left" if is_text else "right", no_wrap=not is_text)
    return made


def between(estimate: Estimate) -> str:
    """Return the ends of a share's interval."""
    if estimate.low is None or estimate.high is None:
        return "too few to say"
    return f"{estimate.low:.0%} and {estimate.high:.0%}"
