"""What a sink has stored that has read all facts of a simulated broker."""

from __future__ import annotations

from collections.abc import Sequence

from schemas import erasures
from schemas.erasures import ERASED
from schemas.rows import TABLES
from schemas.topics import FACTS_TOPICS
from sinks.batch import Batch
from sinks.memory.writer import MemoryWriter
from sinks.tables import Row, table_of
from tests.simulation.broker import Broker
from tests.simulation.journeys_log import is_deleted


class OneContentWriter(MemoryWriter):
    """Keeps rows, and asserts that two of one version are the same: of such ClickHouse would keep the last."""

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Keep the rows with the highest versions."""
        known = table_of(table)
        kept = self._rows.get(table, {})
        for row in rows:
            before = kept.get(known.key_of(row))
            assert before is None or before[-1] != row[-1] or before == row, ("one version, two contents", table)
            super().write(table, [row])
            kept = self._rows[table]


def tables(broker: Broker) -> MemoryWriter:
    """Return what a sink has stored that has read all facts, and deletes or drops what it is told to."""
    writer = OneContentWriter()
    told = [
        (place[0], erasures.decode_rows(record.value or b""))
        for place, records in broker.logs.items()
        for record in records
        if record.key == ERASED and place[0] in FACTS_TOPICS
    ]
    for (topic, _), records in broker.logs.items():
        for record in records if topic in FACTS_TOPICS else ():
            if record.key == ERASED:
                continue
            table = (record.key or b"").decode() or FACTS_TOPICS[topic]
            columns, orders = TABLES[table].__struct_fields__, [order for where, order in told if where == topic]
            rows = [
                row
                for row in rows_in(table, record.value or b"")
                if not any(is_deleted(dict(zip(columns, row, strict=True)), order) for order in orders)
            ]
            writer.write(table, rows)
    return writer


def rows_in(table: str, message: bytes) -> Sequence[Row]:
    """Return the rows of a message."""
    batch = Batch()
    batch.add_message(table, message)
    return batch.rows(table)
