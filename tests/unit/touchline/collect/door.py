"""The collector as a client meets it: its ASGI application, with a Kafka that takes, waits or refuses as told."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Mapping
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from streams.kafka.producer import Batches, Message, ProduceError
from streams.runtime.telemetry import Telemetry
from streams.settings import load
from touchline.collect.app import Collector, build_app
from touchline.collect.capacity import Capacity
from touchline.collect.keys import Keys
from touchline.collect.publisher import Publisher

NOW = 1_781_100_000_000
"""A day after the times of the examples, ms."""
PARTITIONS = 4
KEY = "k" * 24
BEARER = {"authorization": f"Bearer {KEY}"}
LINES = "application/x-ndjson"


class FakeKafka:
    """Keeps what is written.

    Attributes:
        open: it acknowledges while this is set.
        refusal: raised in place of an acknowledgement.
        written: messages by topic and partition.
        batches: how many were written.
        asked: is set once something is to be written.
    """

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.refusal: ProduceError | None = None
        self.written: dict[tuple[str, int], list[Message]] = {}
        self.batches = 0
        self.asked = asyncio.Event()

    async def send(self, batches: Batches) -> None:
        """Write messages, when it is open."""
        self.asked.set()
        await self.open.wait()
        if self.refusal is not None:
            raise self.refusal
        for place, messages in batches.items():
            self.batches += 1
            self.written.setdefault(place, []).extend(messages)

    @property
    def messages(self) -> list[Message]:
        """All that was written."""
        return [message for messages in self.written.values() for message in messages]


class Door:
    """A collector and a client of it; settings are those of `touchline collect`, without `collect_`, and `topics`."""

    def __init__(
        self, *, keys: Mapping[str, str] | None = None, connected: bool = True, topics: str = "", **settings: Any
    ) -> None:
        self.kafka = FakeKafka()
        chosen = load(topics=topics, **{f"collect_{name}": value for name, value in settings.items()})
        self.telemetry = Telemetry.on(CollectorRegistry(), "collect")
        self.capacity = Capacity(chosen.collect_queue_touchpoints, chosen.collect_queue_bytes)
        self.publisher = Publisher(self.capacity)
        if connected:
            self.publisher.open(self.kafka, dict.fromkeys(chosen.inputs, PARTITIONS))
        held = Keys((keys or {}).items())
        self.collector = Collector(chosen, held, self.capacity, self.publisher, self.telemetry, lambda: NOW)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(build_app(self.collector)), base_url="http://127.0.0.1:8080"
        )

    async def post(
        self,
        body: Any,
        media: str = "application/json",
        headers: Mapping[str, str] | None = None,
        *,
        packed: bool = False,
    ) -> httpx.Response:
        """Send a body: bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"content-type": media, **(headers or {})}
        if packed:
            content, told["content-encoding"] = gzip.compress(content), "gzip"
        return await self.client.post("/v1/touchpoints", content=content, headers=told)

    def counted(self, series: str, **labels: str) -> float:
        """Return the value of a series; 0 while there is none."""
        return self.telemetry.registry.get_sample_value(series, labels) or 0.0


def purchase(event_id: str = "e-1", **more: Any) -> dict[str, Any]:
    """Return a good touchpoint, as a service without an Avro library writes it."""
    return {
        "kind": "purchase",
        "event_id": event_id,
        "occurred_at": "2026-06-09T10:13:20Z",
        "source": "shop",
        "customer_id": "c-1",
        "order_id": f"o-{event_id}",
        "amount_minor": 1000,
        "currency": "EUR",
        **more,
    }
