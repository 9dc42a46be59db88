"""Reference tables: what the code declares and the views look up, written by every `touchline migrate`."""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec.structs import astuple

from schemas.metrics import METRICS
from schemas.rows import MetricDefinitionRow, Row
from sinks.writer import Writer


def reference_rows(version: int) -> dict[str, Sequence[Row]]:
    """Return this release's declarations, by table, under a version."""
    return {
        "metric_definitions": [
            MetricDefinitionRow(
                metric=metric.name,
                kind=metric.kind,
                restated_seconds=metric.restated_ms // 1000,
                observation=metric.observation,
                counted=metric.counted,
                version=version,
            )
            for metric in METRICS
        ]
    }


def write_reference_tables(writer: Writer) -> None:
    """Bring the reference tables to what this release declares: whoever migrates last is right.

    Raises:
        TransientWriteError, PermanentWriteError: as `Writer.write`.
    """
    for table, rows in reference_rows(time.time_ns() // 1_000_000).items():
        writer.write(table, [astuple(row) for row in rows])
