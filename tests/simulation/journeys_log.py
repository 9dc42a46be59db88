"""A log for the journeys to be read from, and a place for what they give: twins of Kafka and ClickHouse in memory."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas import journey_log
from schemas.erasures import ERASED_FROM, ErasedRows
from schemas.identity_links import CUSTOMER
from schemas.journey_log import Tick, Touchpoint, Withdrawn
from schemas.rows import TABLES
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules

KEYS: dict[str, tuple[str, ...]] = {
    "touchpoints": ("customer_id", "event_id"),
    "journeys": ("journey_id",),
    "sentiment_shifts": ("customer_id", "shift_id"),
    "abandonments": ("family", "customer_id", "subject_id", "started_at"),
    "follow_ups": ("customer_id", "follow_up_id"),
    "superseded": ("customer_id", "event_id"),
    "metric_buckets": ("metric", "bucket", "dimension", "dimension_value", "currency", "partition"),
    "currencies": ("currency",),
    "customers": ("customer_id",),
    "clocks": ("partition",),
    "hourly_counts": ("kind", "hour", "partition"),
    "outcomes": ("outcome", "at", "subject", "event"),
}


@dataclass
class Tables:
    """Rows by table and key: the highest version stands, as in ReplacingMergeTree."""

    rows: dict[str, dict[tuple[object, ...], dict[str, Any]]] = field(default_factory=dict)

    def write(self, output: Output) -> None:
        for table, rows in output.facts.items():
            kept = self.rows.setdefault(table, {})
            for row in rows:
                assert isinstance(row, TABLES[table])
                values = msgspec.structs.asdict(row)
                key = tuple(values[name] for name in KEYS[table])
                known = kept.get(key)
                if known is None or values["version"] >= known["version"]:
                    if known is not None and values["version"] == known["version"]:
                        assert known == values, "one version, two contents"
                    kept[key] = values

        for erased in output.erased_rows:
            self._delete(erased)

    def _delete(self, erased: ErasedRows) -> None:
        """Delete what the sink deletes."""
        for table in (*ERASED_FROM, "outcomes"):
            kept = self.rows.get(table, {})
            for key in [key for key, row in kept.items() if is_deleted(row, erased)]:
                del kept[key]

    def seen(self) -> dict[str, list[dict[str, Any]]]:
        """Return what a view shows: no taken-back rows, no versions, no empty buckets; the clocks left out."""
        shown: dict[str, list[dict[str, Any]]] = {}
        for table in sorted(self.rows.keys() - {"clocks"}):
            kept = self.rows[table]
            shown[table] = [
                {name: value for name, value in kept[key].items() if name not in {"version", "deleted", "received_at"}}
                for key in sorted(kept)
                if not kept[key].get("deleted") and (table != "metric_buckets" or kept[key]["n"])
            ]
        return shown


def is_deleted(row: dict[str, Any], erased: ErasedRows) -> bool:
    """Return whether the sink deletes a row by an erasure."""
    named = {row.get("customer_id"), row.get("stated_key"), row.get("subject"), *row.get("customer_ids", ())}
    for kind, value in (("kind", "value"), ("other_kind", "other_value")):
        if value in row:
            named.add(row[value] if row[kind] == CUSTOMER else f"anon:{row[kind]}:{row[value]}")
    at = row.get("occurred_at", row.get("at")) if "value" not in row else None
    return bool(named & set(erased.customer_keys)) and (
        row["version"] < erased.version if at is None else at <= erased.at
    )


@dataclass
class Changelog:
    """A compacted topic: the latest value of each key."""

    entries: list[tuple[bytes, bytes | None]] = field(default_factory=list)

    def restore(self, number: int, tasks: int, rules: Rules) -> Partition:
        partition = Partition(number, tasks, rules)
        for key, value in self.latest().items():
            partition.restore(key, value)
        partition.restored()
        return partition

    def latest(self) -> dict[bytes, bytes | None]:
        return dict(self.entries)


def record_log(touchpoints: Iterable[Touchpoint], watermarks: Iterable[int]) -> list[bytes]:
    """Return a log of one task: each touchpoint with its watermark."""
    return [
        journey_log.encode(msgspec.structs.replace(touchpoint, watermark=watermark))
        for touchpoint, watermark in zip(touchpoints, watermarks, strict=True)
    ]


def removal(number: int, *timeline_ids: str, customer_key: str = "ann") -> Withdrawn:
    """Return the record that takes touchpoints out of a customer's timeline: another partition withdraws them.

    Args:
        number: higher than that of each before it.
    """
    return Withdrawn(customer_key, 1, number, list(timeline_ids))


def end_of_time(at: int) -> bytes:
    """Return the tick that lets every deadline up to `at` fire, and makes final what it may."""
    return journey_log.encode(Tick(at, at))


def process(records: list[bytes], rules: Rules, cuts: list[int] | None = None) -> Tables:
    """Read a log in chunks that end at `cuts`, with no crash."""
    partition, tables = Partition(0, 1, rules), Tables()
    for first, last in _chunks(len(records), cuts):
        for offset in range(first, last):
            partition.apply(offset, journey_log.decode(records[offset]), records[offset])
        tables.write(partition.flush())
    return tables


def process_with_crashes(
    records: list[bytes], rules: Rules, seed: int, crashes: int, changelog: Changelog | None = None
) -> Tables:
    """Read a log in random chunks, and stop at a random write of some of them, as a killed worker does.

    Args:
        changelog: takes the state, if it is asked for.
    """
    rng = random.Random(seed)
    tables, changelog = Tables(), changelog or Changelog()
    committed, left = 0, crashes
    partition = changelog.restore(0, 1, rules)
    while committed < len(records):
        last = min(len(records), committed + rng.randint(1, 12))
        for offset in range(committed, last):
            partition.apply(offset, journey_log.decode(records[offset]), records[offset])
        if left and rng.random() < 0.4:
            left -= 1
            _write_until_killed(partition.flush(), tables, changelog, rng)
            partition = changelog.restore(0, 1, rules)
            # What was not committed is read again, and perhaps some that was.
            committed = max(0, committed - rng.choice([0, 0, 3]))
            continue
        output = partition.flush()
        tables.write(output)
        changelog.entries += output.state
        committed = last
    return tables


def _write_until_killed(output: Output, tables: Tables, changelog: Changelog, rng: random.Random) -> None:
    """Write a beginning of what a chunk gave: none, some or all of the facts, then of the changelog's entries."""
    stage = rng.choice(["nothing", "some facts", "facts", "some state", "some state", "state"])
    if stage == "nothing":
        return
    if stage == "some facts":
        # What is to be deleted stands behind all of them.
        tables.write(Output(facts={t: rows[: rng.randint(0, len(rows))] for t, rows in output.facts.items()}))
        return
    tables.write(output)
    state = output.state
    if stage == "some state":
        changelog.entries += state[: rng.randint(0, len(state) - 1)]
    elif stage == "state":
        changelog.entries += state


def _chunks(n: int, cuts: list[int] | None) -> list[tuple[int, int]]:
    ends = sorted({cut for cut in cuts or [] if 0 < cut < n} | {n})
    return list(zip([0, *ends], ends, strict=False))
