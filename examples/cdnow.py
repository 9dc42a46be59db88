"""Turn 69,659 real purchases into touchpoints: the customers of CDNOW, 1997 and 1998.

The file CDNOW_master.txt comes with the Python package `lifetimes` (pip install lifetimes):

    python -m examples.cdnow --out cdnow.jsonl
    touchline demo --input cdnow.jsonl
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import click

from examples.lines import Touchpoint, rfc3339, write_lines

DATA_SET = "datasets/CDNOW_master.txt"


class Row(NamedTuple):
    """A line of the file: the `number`-th purchase, counted from 1."""

    number: int
    customer: str
    day: datetime
    cents: int


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Read the lines of CDNOW_master.txt: customer, date (YYYYMMDD), number of discs, dollars.

    The discs are read but not kept: what each of them cost is not known.

    Raises:
        ValueError: a line is not of that form; its number and text are named.
    """
    number = 0
    for place, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or fields[0] == "customer_id":
            continue
        number += 1
        try:
            customer, date, discs, dollars = fields
            day = datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC)
            int(discs)
            yield Row(number, customer, day, _cents(dollars))
        except (ValueError, InvalidOperation):
            raise ValueError(f"line {place} is not 'customer YYYYMMDD discs dollars': {line.strip()!r}") from None


def to_touchpoints(rows: Iterable[Row]) -> list[Touchpoint]:
    """Return purchases in order of time. The file knows only days: they begin at noon, UTC.

    Within a day each row of the file comes a millisecond after the one before it, so that the
    file's order is kept. Rows that are equal are different purchases, as their numbers are.
    """
    ordered = sorted(rows, key=lambda row: (row.day, row.number))
    touchpoints: list[Touchpoint] = []
    day, place = None, 0
    for row in ordered:
        place = place + 1 if row.day == day else 0
        day = row.day
        touchpoints.append(_purchase(row, row.day + timedelta(hours=12, milliseconds=place)))
    return touchpoints


def find_data() -> Path:
    """Return where the package `lifetimes` keeps the file. The package itself is not imported.

    Raises:
        click.ClickException: it is not installed, or does not hold the file.
    """
    spec = find_spec("lifetimes")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / DATA_SET
        if path.exists():
            return path
    raise click.ClickException(
        "no CDNOW_master.txt: install the package that carries it (pip install lifetimes), "
        "or name the file with --input"
    )


def _purchase(row: Row, at: datetime) -> Touchpoint:
    return {
        "kind": "purchase",
        "event_id": f"cdnow-{row.number}",
        "occurred_at": rfc3339(at),
        "source": "cdnow",
        "customer_id": row.customer,
        "attributes": {"product": "cd"},
        "order_id": f"cdnow-{row.number}",
        "amount_minor": row.cents,
        "currency": "USD",
    }


def _cents(dollars: str) -> int:
    cents = Decimal(dollars) * 100
    if cents != int(cents):
        raise ValueError(f"{dollars} is no whole number of cents")
    return int(cents)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The JSON lines to write.")
@click.option(
    "--input",
    "path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CDNOW_master.txt, by default that of the package lifetimes.",
)
def main(out: Path, path: Path | None) -> None:
    """Write the purchases as JSON lines."""
    with (path or find_data()).open(encoding="ascii") as file:
        try:
            count = write_lines(out, to_touchpoints(read_rows(file)))
        except ValueError as error:
            raise click.ClickException(f"{file.name}: {error}") from error
    click.echo(f"wrote {count} purchases to {out}")


if __name__ == "__main__":
    main()
