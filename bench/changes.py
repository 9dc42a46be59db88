"""Stores what was observed around made-up changes, and asks the view `change_effects` for its verdicts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from schemas.limits import CHANGES_JUDGED
from schemas.units import DAY_MS, SCALE
from sinks.database import Database, select

SURVEYS, OTHERS = "survey_scores", "other_touchpoints"
"""The metrics of a verdict, as the view calls them."""
DAYS = 14
_KINDS = {SURVEYS: "survey_answer", OTHERS: "case_event"}
_FIRST = 1_262_304_000_000
"""1 January 2010, 00:00 UTC, in ms."""
_APART = 100 * DAY_MS
"""From the change of one shop to that of the next: farther than any history reaches."""
_MOST = 3.2
"""What a stored experience holds, and a little less: twice three points off, as heavy tails may have it."""


class Cell(NamedTuple):
    """What one customer contributed on one day.

    Attributes:
        customer_id: whose observation it is.
        day: whole days since the change, rounded down: -1 is the last day before it.
        value: of the observation.
        channel: by which it came; it is not stored.
    """

    customer_id: str
    day: int
    value: float
    channel: str = ""


Observed = Mapping[str, Sequence[Cell]]
"""Metric to what was observed around a change."""


class Look(NamedTuple):
    """What the view says on one day: the verdict, and the difference that it is sure to see; None where it has none."""

    verdict: str
    detectable: float | None


def looks(database: Database, shops: Iterable[Observed], days: Sequence[int]) -> Iterator[dict[int, Look]]:
    """Yield what the view says of each shop: day of the look to the answer, as it was on that day.

    Args:
        database: has been migrated; what it holds is lost.
        shops: what was observed around the change of each.
        days: the days after the change on which one looks, 1 to 14.
    """
    waiting = iter(shops)
    while batch := list(islice(waiting, CHANGES_JUDGED // len(days))):
        _store(database, batch, days)
        rows = select(
            database,
            "SELECT change_id, verdict, detectable FROM change_effects "
            "WHERE dimension = 'all' AND metric = 'experience'",
        )
        answers = {
            str(change): Look(str(said), None if size is None else float(str(size))) for change, said, size in rows
        }
        for shop in range(len(batch)):
            yield {day: answers[f"{shop}/{day}"] for day in days}


def _store(database: Database, batch: Sequence[Observed], days: Sequence[int]) -> None:
    """Store shops a hundred days apart, each with a change for each look, which is taken back on that day."""
    for table in ("touchpoints", "business_changes", "clocks"):
        database.execute(f"TRUNCATE TABLE touchline.{table}_rows")
    with tempfile.TemporaryDirectory(prefix="touchline-verdicts-") as folder:
        file = Path(folder) / "observed.tsv"
        file.write_text("".join(f"{row}\n" for shop, metrics in enumerate(batch) for row in _rows(shop, metrics)))
        database.execute(
            "INSERT INTO touchline.touchpoints_rows "  # noqa: S608  # of this module's own texts
            "(event_id, kind, occurred_at, customer_id, stated_key, experience, fields, version) "
            "SELECT toString(rowNumberInAllBlocks()), kind, fromUnixTimestamp64Milli(at, 'UTC'), customer, customer, "
            f"felt, '[]', 1 FROM file('{file}', 'TSV', 'kind String, at Int64, customer String, felt Int16')"
        )
    changes = ", ".join(
        f"('{shop}/{day}', {_FIRST + shop * _APART}, {_FIRST + shop * _APART + day * DAY_MS})"
        for shop in range(len(batch))
        for day in days
    )
    database.execute(
        "INSERT INTO touchline.business_changes_rows "  # noqa: S608  # of this module's own texts
        "(change_id, name, effective_at, reverted_at, version) "
        "SELECT id, id, fromUnixTimestamp64Milli(begins, 'UTC'), fromUnixTimestamp64Milli(ends, 'UTC'), 1 "
        f"FROM values('id String, begins Int64, ends Int64', {changes})"
    )
    # All of it is over.
    end = f"fromUnixTimestamp64Milli({_FIRST + len(batch) * _APART}, 'UTC')"
    database.execute(f"INSERT INTO touchline.clocks_rows (partition, time, settled, version) SELECT 0, {end}, {end}, 1")
    database.execute(
        "INSERT INTO touchline.touchpoints_rows (event_id, kind, occurred_at, fields, version) "
        f"SELECT 'last', 'page_view', {end}, '[]', 1"
    )


def _rows(shop: int, metrics: Observed) -> Iterator[str]:
    for metric, cells in metrics.items():
        for cell in cells:
            felt = round(max(-_MOST, min(_MOST, cell.value)) * SCALE)
            at = _FIRST + shop * _APART + cell.day * DAY_MS
            yield f"{_KINDS[metric]}\t{at}\t{shop}/{cell.customer_id}\t{felt}"
