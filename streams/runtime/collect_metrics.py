"""The metrics of `touchline collect`, which stand with all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from prometheus_client import Counter, Gauge, Histogram

from streams.runtime.metric import ACKNOWLEDGEMENT_BUCKETS, Metric


@dataclass(frozen=True)
class CollectMetrics:
    """What the HTTP collector counts. `streams.runtime.telemetry.Telemetry` has these metrics, too."""

    collect_requests: Annotated[
        Counter,
        Metric(
            "touchline_collect_requests_total",
            "Requests that brought touchpoints, by the name of their API key and the answer's status.",
            ("key", "status"),
            only="collect",
        ),
    ]
    collected_touchpoints: Annotated[
        Counter,
        Metric(
            "touchline_collect_touchpoints_total",
            "Touchpoints of requests: accepted (Kafka has them), refused, or unacknowledged.",
            ("key", "outcome"),
            only="collect",
        ),
    ]
    collect_refusals: Annotated[
        Counter,
        Metric(
            "touchline_collect_refusals_total",
            "Touchpoints that the HTTP collector refused, by reason; they are in no dead letter.",
            ("key", "reason"),
            only="collect",
        ),
    ]
    collect_queue: Annotated[
        Gauge,
        Metric(
            "touchline_collect_queue_touchpoints",
            "Touchpoints that wait in the HTTP collector for Kafka to acknowledge them.",
            only="collect",
        ),
    ]
    acknowledgement: Annotated[
        Histogram,
        Metric(
            "touchline_collect_acknowledgement_seconds",
            "Time for which a request waited for Kafka.",
            buckets=ACKNOWLEDGEMENT_BUCKETS,
            only="collect",
        ),
    ]
