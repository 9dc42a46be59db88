"""Measures each stage by itself, in one process, on the same events."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from schemas import journey_log
from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.jsonl import parse_line
from schemas.avro.registry import FileRegistry
from schemas.journey_log import Touchpoint
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.rows import encode_rows
from sinks.batch import Batch
from streams.intake.accept import Source, accept
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.process.run import GC_THRESHOLDS
from streams.sentiment import VaderScorer
from streams.topics import TopicFinder, shipped_lists

CHUNK = 2_000


Meter = Callable[[], float]
"""Tells how much has been spent so far."""


def cpu_us() -> float:
    """Return the microseconds of CPU that this process has spent."""
    return time.process_time() * 1e6


def measure_stages(lines: Path, rounds: int, meter: Meter = cpu_us) -> dict[str, list[float]]:
    """Return what each stage takes an event, one figure a round; by default microseconds of CPU."""
    codec = Codec(FileRegistry())
    gc.set_threshold(*GC_THRESHOLDS)  # as the workers have it
    messages = _messages(lines, codec)
    costs: dict[str, list[float]] = {}
    for _ in range(rounds):
        for stage, cost in _round(codec, messages, meter):
            costs.setdefault(stage, []).append(cost)
    return costs


def _messages(lines: Path, codec: Codec) -> list[tuple[str, bytes]]:
    messages = []
    for line in lines.read_bytes().splitlines():
        kind, record = parse_line(line)
        if kind in TOUCHPOINT_KINDS:
            messages.append((kind, codec.encode(KIND_RECORDS[kind], record)))
    return messages


def _round(codec: Codec, messages: list[tuple[str, bytes]], meter: Meter) -> list[tuple[str, float]]:
    n = len(messages)
    costs: list[tuple[str, float]] = []

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        began = meter()
        result = work()
        costs.append((stage, (meter() - began) / n))
        return result

    decoded = timed("ingest: Avro decode", lambda: [codec.decode(kind, value) for kind, value in messages])
    kinds = [kind for kind, _ in messages]
    scorer, finder = VaderScorer(), TopicFinder(shipped_lists())
    source = Source(task=0, topic="touchpoints.tweets.v1", partition=0, offset=0, received_at=0)
    accepted: list[Touchpoint] = timed(
        "ingest: check, identify, read texts",
        lambda: [
            accept(kind, record, source, now=1 << 52, scorer=scorer, finder=finder)
            for kind, record in zip(kinds, decoded, strict=True)
        ],
    )
    records = timed(
        "ingest: encode",
        lambda: [
            # Received as it happened: one that is ahead of its receipt would wait, which is not the common way.
            journey_log.encode(replace(t, watermark=t.occurred_at, received_at=t.occurred_at))
            for t in accepted
        ],
    )
    read = timed("journeys: decode", lambda: [journey_log.decode(record) for record in records])
    return costs + _journeys_and_sink(list(zip(read, records, strict=True)), n, meter)


def _journeys_and_sink(read: list[Any], n: int, meter: Meter) -> list[tuple[str, float]]:
    partition = Partition(0, 1, Rules())
    spent = dict.fromkeys(("journeys: apply", "journeys: flush", "journeys: encode rows", "sink: decode, dedupe"), 0.0)
    for start in range(0, n, CHUNK):
        a = meter()
        for offset, (record, data) in enumerate(read[start : start + CHUNK], start=start):
            partition.apply(offset, record, data)
        b = meter()
        output = partition.flush()
        c = meter()
        facts = [(table, encode_rows(rows)) for table, rows in output.facts.items() if rows]
        d = meter()
        batch = Batch()
        for table, value in facts:
            batch.add_message(table, value)
        e = meter()
        for stage, cost in zip(spent, (b - a, c - b, d - c, e - d), strict=True):
            spent[stage] += cost
    return [(stage, cost / n) for stage, cost in spent.items()]
