"""Lines of JSON played through the pure parts of the pipeline into a database: no broker, no process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec

from schemas import journey_log
from schemas.avro.jsonl import parse_line
from schemas.identity_links import key_of
from schemas.journey_log import LogRecord, Owners, Tick
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import TABLES, IdentityRow, Row
from schemas.units import DAY_MS
from sinks.tables import TABLES as STORED
from streams.identity.graph import IdentityGraph
from streams.identity.groups import WINDOW_MS
from streams.identity.identities import Identities
from streams.identity.links import links_of
from streams.identity.statements import Statements
from streams.intake.accept import Source, accept
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.sentiment import VaderScorer
from streams.topics import TopicFinder, shipped_lists
from tests.contract.engine import Engine

FOREVER = 1 << 52


def store(
    database: Engine,
    file: Path,
    until: int,
    dimensions: Iterable[str],
    *,
    with_identities: bool = False,
    is_empty: bool = False,
) -> None:
    """Fill tables, once they are emptied, with the rows that a file's lines bring about.

    Args:
        database: has been migrated.
        file: lines of JSON, in order of time.
        until: the time of the log at the end, ms: timers up to it have fired.
        dimensions: the attributes that metrics are kept by.
        with_identities: whether the rows are stored, too, by which views show whose what is older is now.
        is_empty: whether the tables are empty already, or are to keep what they have.
    """
    for table in () if is_empty else STORED.values():
        database.execute(f"TRUNCATE TABLE {table.stored}")
    log, scorer = _Log(Rules(dimensions=frozenset(dimensions), moved_ms=3 * DAY_MS)), VaderScorer()
    finder = TopicFinder(shipped_lists())
    for number, line in enumerate(file.read_bytes().splitlines()):
        kind, record = parse_line(line)
        source = Source(task=0, topic="t", partition=0, offset=number, received_at=record["occurred_at"])
        accepted = accept(kind, record, source, now=FOREVER, scorer=scorer, finder=finder)
        if isinstance(accepted, Touchpoint):
            log.append_touchpoint(accepted)
        else:
            written = next(name for name, row_type in TABLES.items() if isinstance(accepted, row_type))
            database.write(written, [msgspec.structs.astuple(accepted)])
    log.append(Tick(watermark=until, settled=until))
    log.flush()
    if with_identities:
        log.rows["identities"] += log.identities
    for name, rows in log.rows.items():
        database.write(name, [msgspec.structs.astuple(row) for row in rows])


class _Log:
    """A log of one partition: touchpoints, whose they are by their links, and what moves.

    Attributes:
        rows: of each table, what the log has brought about.
        identities: whose each identity has become, in order.
    """

    def __init__(self, rules: Rules) -> None:
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.identities: list[IdentityRow] = []
        self._partition, self._offset = Partition(0, 1, rules), 0
        self._graph, self._statements, self._links = IdentityGraph(), Statements(Identities()), 0
        self._later_ms = WINDOW_MS - rules.moved_ms

    def append(self, record: LogRecord) -> None:
        data = journey_log.encode(record)
        self._partition.apply(self._offset, journey_log.decode(data), data)
        self._offset += 1

    def append_touchpoint(self, touchpoint: Touchpoint) -> None:
        at = touchpoint.occurred_at
        self.append(msgspec.structs.replace(touchpoint, watermark=at))
        stated = self._statements.stated_by(touchpoint, late_before=0)
        if stated is not None:
            for identity, owned in self._graph.add(*links_of(stated)).owners.items():
                adopted_since, names = [one.since for one in owned], [key_of(one.owner) for one in owned]
                since = [at + self._later_ms for at in adopted_since]
                events = [one.event_id for one in owned]
                self.identities.append(IdentityRow(*identity, adopted_since, names, events, at, self._links))
                self.append(Owners(key_of(identity), since, names, self._links, adopted_since=adopted_since))
            self._links += 1
        # Ticks tell that all partitions have come so far: what moves stands before them.
        self.flush()
        self.append(Tick(watermark=at, settled=at))

    def flush(self) -> None:
        """Take the rows, and append what moves."""
        output = self._partition.flush()
        for name, rows in output.facts.items():
            self.rows[name] += rows
        for _, data in output.forwarded:
            self.append(journey_log.decode(data))
        if output.forwarded:
            self.flush()
