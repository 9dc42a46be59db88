"""Lines of JSON played through the pure parts of the pipeline into a database: no broker, no process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from schemas import journey_log
from schemas.avro.jsonl import parse_line
from schemas.journey_log import Tick
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import TABLES
from sinks.tables import TABLES as STORED
from streams.intake.accept import Source, accept
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.sentiment import VaderScorer
from tests.contract.engine import Engine

FOREVER = 1 << 52


def store(database: Engine, file: Path, until: int, dimensions: Iterable[str]) -> None:
    """Fill empty tables with the rows that a file's lines bring about.

    Args:
        database: has been migrated.
        file: lines of JSON, in order of time.
        until: the time of the log at the end, ms: timers up to it have fired.
        dimensions: the attributes that metrics are kept by.
    """
    for table in STORED.values():
        database.execute(f"TRUNCATE TABLE {table.stored}")
    partition, scorer, offset = Partition(0, 1, Rules(dimensions=frozenset(dimensions))), VaderScorer(), 0
    for line in file.read_bytes().splitlines():
        kind, record = parse_line(line)
        source = Source(task=0, topic="t", partition=0, offset=offset, received_at=record["occurred_at"])
        accepted = accept(kind, record, source, now=FOREVER, scorer=scorer)
        if isinstance(accepted, Touchpoint):
            at = accepted.occurred_at
            for log_record in (msgspec.structs.replace(accepted, watermark=at), Tick(watermark=at, settled=at)):
                data = journey_log.encode(log_record)
                partition.apply(offset, journey_log.decode(data), data)
                offset += 1
        else:
            written = next(name for name, row_type in TABLES.items() if isinstance(accepted, row_type))
            database.write(written, [msgspec.structs.astuple(accepted)])
    end = Tick(watermark=until, settled=until)
    partition.apply(offset, end, journey_log.encode(end))
    for name, rows in partition.flush().facts.items():
        database.write(name, [msgspec.structs.astuple(row) for row in rows])
