"""A worker that is suspended past its session wakes up and writes old state, and the new owner is killed."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from streams.agents.journeys import rules_of
from streams.journeys.partition import CUSTOMER, Partition
from streams.kafka.changelog import restore
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.integration.shop import Event, tweets, write
from tests.servers.pipeline import App, pipeline_on, until

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse]

SUSPENDED_WORKER = Path(__file__).with_name("scripts") / "suspended_worker.py"
MESSAGES = sorted(tweets(600, days=45, seed=5), key=lambda message: message["occurred_at"])
BEFORE, AFTER = MESSAGES[:450], MESSAGES[450:]
SEEN = 225
"""Messages that the late worker may have read before it is suspended."""
# The event time of idle inputs is now: what comes afterwards must not be late.
SETTINGS = {"session_timeout_s": 2, "idle_s": 1, "chunk_records": 30, "allowed_lateness_days": 3650}


class LastEntry(Partition):
    """A partition that believes the last entry of each customer, not that of the highest offset."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        if key[:1] == CUSTOMER:
            self.customers._encoded.pop(key[1:].decode(), None)
        super().restore(key, value)


@dataclass(frozen=True)
class Run:
    """Touchpoints by customer: restored from the changelog when both workers were dead, and in the rows in the end."""

    restored: Counter[str]
    restored_by_last_entry: Counter[str]
    stored: Counter[str]


def published(messages: list[Event]) -> Counter[str]:
    """Return the number of touchpoints of each anonymous profile: the Twitter name, in small letters, without its @."""
    return Counter(f"anon:twitter:{message['identifiers']['twitter'].lower()[1:]}" for message in messages)


def suspended(app: App) -> bool:
    """Return whether a process is stopped, as /proc has it: `pid (name) state …`."""
    return Path(f"/proc/{app.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def restored(settings: Settings, kind: type[Partition]) -> Counter[str]:
    """Return the touchpoints by customer that the changelog gives a worker."""

    async def read() -> Counter[str]:
        touchpoints = Counter[str]()
        for number in range(settings.partitions):
            empty = kind(number, settings.partitions, rules_of(settings))
            partition = await restore(settings, Telemetry.on(CollectorRegistry()), number, empty)
            customers = partition.customers
            touchpoints += Counter({key: customers.timeline(key).current.touchpoints for key in customers._encoded})
        return touchpoints

    return asyncio.run(read())


@pytest.fixture(scope="module")
def run(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("late")
    with pipeline_on(kafka, clickhouse_server, folder, **SETTINGS) as pipeline:
        # What the late worker has not seen changes customers of whom it writes.
        pipeline.publish(write(BEFORE[:SEEN], folder / "seen.jsonl"))
        pipeline.start("sink")
        late = pipeline.app("worker", [str(SUSPENDED_WORKER)])
        late.start()
        until(lambda: suspended(late), "the worker to be suspended")
        pipeline.publish(write(BEFORE[SEEN:], folder / "unseen.jsonl"))
        owner = pipeline.start("worker")
        pipeline.drain()
        # Else it may find what is written late, and write its own again, before it is killed.
        owner.send_signal(signal.SIGSTOP)
        late.send_signal(signal.SIGCONT)
        until(lambda: late.died, "the late worker to have written its state")
        assert late.status == -signal.SIGKILL, late.tail()
        late.stop()
        owner.kill9()
        by_offset, by_last_entry = (restored(pipeline.settings, kind) for kind in (Partition, LastEntry))
        pipeline.start("worker")
        pipeline.publish(write(AFTER, folder / "after.jsonl"))
        pipeline.drain()
        stored = {row["customer_id"]: row["touchpoints"] for row in pipeline.rows()["customers"]}
        return Run(by_offset, by_last_entry, Counter(stored))


def test_the_next_worker_has_what_the_dead_owner_had(run: Run) -> None:
    assert run.restored == published(BEFORE)


def test_no_touchpoint_is_forgotten_or_counted_twice(run: Run) -> None:
    assert run.stored == published(MESSAGES)


def test_by_the_last_entry_it_would_have_forgotten_some(run: Run) -> None:
    # Of others it may count too much: a customer's old state beside what the new owner keeps with it.
    assert published(BEFORE) - run.restored_by_last_entry
