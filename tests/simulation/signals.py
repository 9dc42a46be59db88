"""What consumers of signals hold true in the end, beside what the tables say."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader

from schemas.avro.registry import current_schemas
from schemas.rows import TABLES
from schemas.topics import SIGNAL_ABANDONMENTS, SIGNAL_SHIFTS
from tests.simulation.cluster import Cluster
from tests.unit.schemas.records import SINGLE_OBJECT_SIZE

RECORDS = {SIGNAL_ABANDONMENTS: "Abandonment", SIGNAL_SHIFTS: "SentimentShift"}
TIMES = ("abandoned_at", "recovered_at", "detected_at")

Signals = list[dict[str, Any]]
Thing = tuple[str, ...]


def signals(cluster: Cluster) -> Signals:
    """Return what was signalled, of each customer in the order of sending."""
    schemas, found = current_schemas(), []
    for (topic, _), records in sorted(cluster.broker.logs.items()):
        for record in records if topic in RECORDS else ():
            read = schemaless_reader(BytesIO((record.value or b"")[SINGLE_OBJECT_SIZE:]), schemas[RECORDS[topic]], None)
            assert isinstance(read, dict)
            found.append(read)
    return found


def name_of(one: dict[str, Any]) -> Thing:
    """Return what a signal or a row is of; a cart's id may have named an earlier one."""
    if "shift_id" in one:
        return one["customer_id"], one["shift_id"]
    family = "cart" if one["subject"] == "checkout" else one["subject"]
    return one["customer_id"], family, one["subject_id"], str(ms(one["started_at"]))


def last(told: Signals) -> dict[Thing, tuple[object, ...]]:
    """Return what consumers hold true in the end: of each identity the last signal, unless it is retracted."""
    held: dict[Thing, dict[str, Any]] = {}
    for one in told:
        held[name_of(one)] = one
    return {
        name: (one.get("status") or one["direction"], *times_of(one))
        for name, one in held.items()
        if not one["retracted"]
    }


def times_of(one: dict[str, Any]) -> list[int | None]:
    return [ms(one[name]) for name in TIMES if name in one]


def ms(at: Any) -> int | None:
    return round(at.timestamp() * 1000) if isinstance(at, datetime) else at


def moment(one: dict[str, Any]) -> int:
    """Return when the last happened that a signal tells of, ms."""
    return max(at for at in times_of(one) if at is not None)


def stored(cluster: Cluster) -> dict[Thing, tuple[object, ...]]:
    """Return what the tables say of each thing."""
    found: dict[Thing, tuple[object, ...]] = {}
    for table, times in (("abandonments", ("abandoned_at", "recovered_at")), ("sentiment_shifts", ("detected_at",))):
        columns = TABLES[table].__struct_fields__
        for values in cluster.tables()._rows.get(table, {}).values():
            row = dict(zip(columns, values, strict=True))
            if not row["deleted"]:
                found[name_of(row)] = (row.get("status") or row["direction"], *(row[name] for name in times))
    return found


def check_signals(cluster: Cluster, seed: int) -> None:
    """Compare what consumers hold true in the end with the tables, in stories of even seeds: nobody dies there.

    A worker that was paused, and has lost its partition, may send what it knew behind newer signals.
    """
    if seed % 2 == 0:
        assert last(signals(cluster)) == stored(cluster)
