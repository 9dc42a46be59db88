"""Makes a big database of a small one: copies of all customers under other names, spread over a year."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from sinks.database import Database, select
from sinks.open import open_database

GROUPS = 8
"""The copies are in so many groups, each `GROUP_DAYS` before the one after it."""
GROUP_DAYS = 45
"""Days that the sample has."""
TABLES = ("touchpoints", "journeys", "customers", "abandonments", "sentiment_shifts", "follow_ups", "identities")
"""Tables of which each copy has rows of its own: those that name customers."""
NAMES = frozenset(
    {
        *("event_id", "customer_id", "journey_id", "subject_id", "stated_key", "shift_id", "follow_up_id", "value"),
        *("onset_event_id", "cause_event_id", "previous_customer_id"),
        *("support_call_case_id", "tweet_in_reply_to", "purchase_cart_id"),
    }
)
"""Columns that name what each copy has for itself."""
_SOURCE = "copied"


def multiply(database: Database, copies: int) -> None:
    """Put so many copies in the place of what a database holds; metrics add up those of all copies."""
    for table in TABLES:
        _set_aside(database, f"{table}_rows")
    database.execute("TRUNCATE TABLE touchline.owners_rows")
    _set_aside(database, "metric_buckets_rows")
    for group in range(GROUPS):
        mine = len(range(group, copies, GROUPS))
        for table in TABLES:
            _copy(database, f"{table}_rows", group, mine)
        _add_up(database, group, mine)
        print(f"group {group + 1} of {GROUPS}", flush=True)
    for table in (*TABLES, "metric_buckets"):
        database.execute(f"DROP TABLE touchline.{_SOURCE}_{table}_rows SYNC")
    _count(database)


def _set_aside(database: Database, table: str) -> None:
    """Move the rows of a table that hold into another one."""
    source = f"touchline.{_SOURCE}_{table}"
    database.execute(
        f"CREATE TABLE {source} ENGINE = MergeTree ORDER BY tuple() AS "  # noqa: S608  # of this module's texts
        f"SELECT * FROM touchline.{table} FINAL"
    )
    database.execute(f"TRUNCATE TABLE touchline.{table}")


def _copy(database: Database, table: str, group: int, copies: int) -> None:
    """Store one group's copies of a table."""
    columns = select(
        database,
        "SELECT name, type FROM system.columns WHERE database = 'touchline' AND table = {table:String}",
        {"table": f"{_SOURCE}_{table}"},
    )
    names = ", ".join(f"`{name}`" for name, _ in columns)
    values = ", ".join(_value(str(name), str(kind)) for name, kind in columns)
    database.execute(
        f"INSERT INTO touchline.{table} ({names}) WITH {_shift(group)} AS shift "  # noqa: S608  # of this module's texts
        f"SELECT {values} FROM touchline.{_SOURCE}_{table} AS t "
        f"CROSS JOIN (SELECT concat('.', toString({group} + {GROUPS} * number)) AS copy, number "
        f"FROM numbers({copies})) AS c SETTINGS max_partitions_per_insert_block = 0"
    )


def _value(name: str, kind: str) -> str:
    if kind.startswith(("DateTime64", "Nullable(DateTime64")):
        return f"addMilliseconds(t.`{name}`, shift)"
    if kind.startswith("Array(DateTime64"):
        return f"arrayMap(at -> addMilliseconds(at, shift), t.`{name}`)"
    if name in {"customer_ids", "event_ids"}:
        return f"arrayMap(one -> if(one = '', '', concat(one, c.copy)), t.`{name}`)"
    if name in NAMES:
        return f"if(t.`{name}` = '', '', concat(t.`{name}`, c.copy))"
    return f"t.`{name}`"


def _shift(group: int) -> str:
    """Return how many milliseconds a copy is moved by: its group's days back, and minutes within a day forth."""
    days = (GROUPS - 1 - group) * GROUP_DAYS
    return f"toInt64(c.number * 7 % 1440) * 60000 - {days * 86_400_000}"


def _add_up(database: Database, group: int, copies: int) -> None:
    """Store the metrics of one group's copies."""
    key = "metric, bucket, dimension, dimension_value, currency, partition"
    database.execute(
        f"INSERT INTO touchline.metric_buckets_rows ({key}, n, numerator, squares, samples, groups, "  # noqa: S608
        "group_counts, group_sums, version) "
        f"WITH {_shift(group)} AS shift "
        "SELECT metric, addMilliseconds(t.bucket, shift) AS bucket, dimension, dimension_value, currency, partition, "
        "sum(n), sum(numerator), sum(squares), groupArrayArray(samples), "
        "(sumMap(groups, group_counts, group_sums) AS by_group).1, by_group.2, by_group.3, max(version) "
        f"FROM touchline.{_SOURCE}_metric_buckets_rows AS t CROSS JOIN numbers({copies}) AS c GROUP BY {key} "
        "SETTINGS max_partitions_per_insert_block = 0"
    )


def _count(database: Database) -> None:
    """Store the counts of hours that the touchpoints have, and the clock by which the last one has just come."""
    database.execute("TRUNCATE TABLE touchline.hourly_counts_rows")
    database.execute(
        "INSERT INTO touchline.hourly_counts_rows "
        "SELECT kind, toStartOfHour(occurred_at) AS hour, 0, count(), 0, max(version) FROM touchline.touchpoints_rows "
        "WHERE NOT late GROUP BY kind, hour SETTINGS max_partitions_per_insert_block = 0"
    )
    database.execute(
        "CREATE TABLE touchline.copied_clocks ENGINE = Memory AS SELECT * FROM touchline.clocks_rows FINAL"
    )
    database.execute("TRUNCATE TABLE touchline.clocks_rows")
    database.execute(
        "INSERT INTO touchline.clocks_rows WITH (SELECT max(occurred_at) FROM touchline.touchpoints_rows) AS last "
        "SELECT partition, last, subtractDays(last, 3), offset, version FROM touchline.copied_clocks"
    )
    database.execute("DROP TABLE touchline.copied_clocks SYNC")


@click.command()
@click.option("--of", "source", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--into", required=True, type=click.Path(exists=False, path_type=Path))
@click.option("--copies", default=1_440, show_default=True, help="Of the sample, 1,440 are 20 million touchpoints.")
def main(source: Path, into: Path, copies: int) -> None:
    """Copy the database of a demo (`touchline demo --keep DIR`) many times into another folder."""
    shutil.copytree(source, into, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    database = open_database(f"chdb://{into}")
    try:
        multiply(database, copies)
    finally:
        database.close()


if __name__ == "__main__":
    main()
