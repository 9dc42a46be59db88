"""The metrics of `touchline sink`, which stand with all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from prometheus_client import Counter, Gauge, Histogram

from schemas.rows import TABLES
from streams.runtime.metric import INPUTS, INSERT_BUCKETS, Metric


@dataclass(frozen=True)
class SinkMetrics:
    """What a sink counts. `streams.runtime.telemetry.Telemetry` has these metrics, too."""

    inserted_rows: Annotated[
        Counter,
        Metric(
            "touchline_inserted_rows_total",
            "Rows that ClickHouse has acknowledged.",
            ("table",),
            known={"sink": tuple(TABLES)},
            only="sink",
        ),
    ]
    missing_rows: Annotated[
        Gauge,
        Metric(
            "touchline_reconciliation_missing_rows",
            "Touchpoints, refused messages and facts without their row in ClickHouse; the sink that asks shows them.",
            ("topic",),
            known={"sink": (INPUTS,)},
            only="sink",
        ),
    ]
    insert_duration: Annotated[
        Histogram,
        Metric(
            "touchline_insert_duration_seconds",
            "Time one insert into ClickHouse took.",
            ("table",),
            buckets=INSERT_BUCKETS,
            only="sink",
        ),
    ]
