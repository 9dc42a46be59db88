"""Turn the public "Twitter US Airline Sentiment" tweets (February 2015) into touchpoints.

The CSV is not part of touchline (CC BY-NC-SA 4.0). It needs the columns row, created, name, airline
and text; sentiment and negative_reason, people's own labels, become attributes where they are there:

    python -m examples.airline_tweets --input airline_tweets.csv --out tweets.jsonl
    touchline demo --input tweets.jsonl
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from examples.lines import Touchpoint, rfc3339, write_lines

COLUMNS = ("row", "created", "name", "airline", "text")
_LABELS = {"region": "region", "sentiment": "label", "negative_reason": "reason"}


def to_touchpoints(rows: Iterable[Mapping[str, str]]) -> list[Touchpoint]:
    """Return tweets in order of time.

    The set knows only minutes, and lists the newest first: within a minute each tweet comes a
    second (beyond 59, a millisecond) after the one below it.

    Raises:
        ValueError: a row lacks a column or its time cannot be read; the row is named.
    """
    tweets = [(_moment(row, place), place, row) for place, row in enumerate(rows, 1)]
    tweets.sort(key=lambda tweet: (tweet[0], -tweet[1]))
    touchpoints: list[Touchpoint] = []
    minute, place = None, 0
    for moment, _, row in tweets:
        place = place + 1 if moment == minute else 0
        minute = moment
        touchpoints.append(_tweet(row, moment + timedelta(seconds=min(place, 59), milliseconds=max(0, place - 59))))
    return touchpoints


def _moment(row: Mapping[str, str], place: int) -> datetime:
    missing = [name for name in COLUMNS if not row.get(name)]
    if missing:
        raise ValueError(f"tweet {place} has no {', '.join(missing)}")
    try:
        moment = datetime.fromisoformat(row["created"])
    except ValueError:
        raise ValueError(f"tweet {place}: created {row['created']!r} is no time") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _tweet(row: Mapping[str, str], at: datetime) -> Touchpoint:
    labels = {ours: row[theirs] for theirs, ours in _LABELS.items() if row.get(theirs)}
    return {
        "kind": "tweet",
        "event_id": f"airline-tweet-{row['row']}",
        "occurred_at": rfc3339(at),
        "source": "airline-tweets",
        "identifiers": {"twitter": f"@{row['name'].lower()}"},
        "attributes": {"airline": row["airline"], **labels},
        "post_id": row["row"],
        "text": row["text"],
        "lang": "en",
    }


@click.command()
@click.option(
    "--input",
    "path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The tweets as CSV.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The JSON lines to write.")
def main(path: Path, out: Path) -> None:
    """Write the tweets as JSON lines."""
    with path.open(encoding="utf-8", newline="") as file:
        try:
            count = write_lines(out, to_touchpoints(csv.DictReader(file)))
        except ValueError as error:
            raise click.ClickException(f"{path}: {error}") from error
    click.echo(f"wrote {count} tweets to {out}")


if __name__ == "__main__":
    main()
