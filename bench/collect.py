"""Measures `touchline collect` on Apache Kafka: the touchpoints a second that it accepts, and what one costs."""

from __future__ import annotations

import asyncio
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.pipeline import cpu_s
from schemas.topics import KIND_TOPICS, Topic
from servers.kafka import Kafka
from streams import settings as configuration
from streams.kafka.admin import create_topics
from touchline.records.examples import example_json
from touchline.stack.child import Child
from touchline.stack.ports import HOST, free_port

BEGIN_S = 60.0
POLL_S = 0.1
WARM_UP_S = 2.0
KINDS = ("purchase", "page_view", "cart_event", "support_call")


@dataclass(frozen=True)
class Collected:
    """What a run with some clients and touchpoints a request gave.

    Attributes:
        rate: touchpoints that were accepted a second.
        cpu_us: of the collector, for each of them.
        p50_ms, p99_ms: of the time until an answer.
        statuses: how often each status was answered.
    """

    clients: int
    batch: int
    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    statuses: Counter[int]


class _Load:
    """Clients that send one request after the other, each on a connection of its own."""

    def __init__(self, port: int, batch: int) -> None:
        self.accepted = 0
        self.statuses: Counter[int] = Counter()
        self.took_s: list[float] = []
        self._port, self._batch = port, batch
        self._names = itertools.count()

    async def run(self, clients: int, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        await asyncio.gather(*(self._client() for _ in range(clients)))

    def _bodies(self) -> Iterator[bytes]:
        texts = [example_json(kind).replace(_event_id(kind), "%") for kind in KINDS]
        for number in itertools.count():
            yield (
                b"[%s]"
                % ",".join(
                    texts[(number + index) % len(texts)].replace("%", f"bench-{next(self._names)}", 1)
                    for index in range(self._batch)
                ).encode()
            )

    async def _client(self) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        bodies = self._bodies()
        while time.monotonic() < self._ends:
            body = next(bodies)
            began = time.monotonic()
            writer.write(
                b"POST /v1/touchpoints HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            answer = await reader.readexactly(length)
            self.took_s.append(time.monotonic() - began)
            self.statuses[int(head[9:12])] += 1
            self.accepted += int(answer.partition(b'"accepted":')[2].partition(b",")[0] or 0)
        writer.close()


def _event_id(kind: str) -> str:
    return example_json(kind).split('"event_id": "')[1].split('"')[0]


def run_collect(clients: int, batch: int, seconds: float) -> Collected:
    """Measure with clients that each send so many touchpoints a request, one request after the other."""
    with tempfile.TemporaryDirectory() as name:
        kafka = Kafka(Path(name))
        kafka.start()
        try:
            return asyncio.run(_measured(Path(name), kafka.bootstrap, clients, batch, seconds))
        finally:
            kafka.stop()


async def _measured(folder: Path, bootstrap: str, clients: int, batch: int, seconds: float) -> Collected:
    settings = configuration.load(kafka=bootstrap)
    await create_topics(settings, [Topic(topic) for topic in KIND_TOPICS.values()])
    port = free_port()
    told = {
        "TOUCHLINE_KAFKA": bootstrap,
        "TOUCHLINE_COLLECT_PORT": str(port),
        "TOUCHLINE_COLLECT_METRICS_PORT": str(free_port()),
    }
    collector = Child("collect", [sys.executable, "-m", "touchline", "collect"], folder / "collect.log", told)
    collector.start()
    try:
        await _until_running(collector)
        await _Load(port, batch).run(clients, WARM_UP_S)
        load, cpu, began = _Load(port, batch), cpu_s(collector.pid), time.monotonic()
        await load.run(clients, seconds)
        took, spent = time.monotonic() - began, cpu_s(collector.pid) - cpu
    finally:
        collector.stop(20)
    times = sorted(load.took_s)
    return Collected(
        clients,
        batch,
        load.accepted / took,
        spent / max(load.accepted, 1) * 1e6,
        times[len(times) // 2] * 1000,
        times[len(times) * 99 // 100] * 1000,
        load.statuses,
    )


async def _until_running(collector: Child) -> None:
    async with asyncio.timeout(BEGIN_S):
        while '"running"' not in (collector.log.read_text() if collector.log.exists() else ""):
            collector.check()
            await asyncio.sleep(POLL_S)
