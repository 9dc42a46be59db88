"""Measures what an installation writes while nothing happens, by its number of partitions."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.pipeline import cpu_s
from schemas.topics import JOURNEYS_LOG, all_topics
from servers.kafka import Kafka
from streams import settings as configuration
from streams.kafka.admin import create_topics
from touchline.stack.child import Child
from touchline.stack.ports import free_port

BEGIN_S = 300.0
POLL_S = 1.0


@dataclass(frozen=True)
class Idle:
    """What one worker does a second while no touchpoint comes.

    Attributes:
        records: written to all topics.
        size: bytes of them, as they are on the broker's disk.
        cpu: share of one core that the worker takes.
    """

    partitions: int
    records: float
    size: float
    cpu: float


def run_idle(partitions: int, seconds: float) -> Idle:
    """Measure on Apache Kafka, as the tests start it, for some seconds."""
    with tempfile.TemporaryDirectory() as name:
        kafka = Kafka(Path(name))
        kafka.start()
        try:
            return asyncio.run(_measured(Path(name), kafka.bootstrap, partitions, seconds))
        finally:
            kafka.stop()


async def _measured(folder: Path, bootstrap: str, partitions: int, seconds: float) -> Idle:
    await create_topics(configuration.load(kafka=bootstrap, partitions=partitions, replication=1))
    environment = {
        "TOUCHLINE_KAFKA": bootstrap,
        "TOUCHLINE_PARTITIONS": str(partitions),
        "TOUCHLINE_METRICS_PORT": str(free_port()),
    }
    worker = Child("worker", [sys.executable, "-m", "touchline", "worker"], folder / "worker.log", environment)
    worker.start()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    try:
        await consumer.start()
        await _until_all_partitions_tick(worker, consumer, partitions)
        before, size, cpu, began = (
            await _written(consumer, partitions),
            _size(folder),
            cpu_s(worker.pid),
            time.monotonic(),
        )
        await asyncio.sleep(seconds)
        worker.check()
        took = time.monotonic() - began
        records = await _written(consumer, partitions) - before
        return Idle(partitions, records / took, (_size(folder) - size) / took, (cpu_s(worker.pid) - cpu) / took)
    finally:
        await consumer.stop()
        worker.stop(20)


async def _until_all_partitions_tick(worker: Child, consumer: AIOKafkaConsumer, partitions: int) -> None:
    places = [TopicPartition(JOURNEYS_LOG, number) for number in range(partitions)]
    async with asyncio.timeout(BEGIN_S):
        while min((await consumer.end_offsets(places)).values()) < 2:  # Kafka tells of no growth
            worker.check()
            await asyncio.sleep(POLL_S)


async def _written(consumer: AIOKafkaConsumer, partitions: int) -> int:
    places = [TopicPartition(topic.name, number) for topic in all_topics() for number in range(partitions)]
    return sum((await consumer.end_offsets(places)).values())


def _size(folder: Path) -> int:
    """Return the bytes of the topics' logs."""
    names = tuple(f"{topic.name}-" for topic in all_topics())
    return sum(file.stat().st_size for file in folder.rglob("*.log") if file.parent.name.startswith(names))
