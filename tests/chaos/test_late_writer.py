"""A worker that is suspended past its session wakes up and writes old state, and the new owner is killed."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from tests.integration.shop import tweets, write
from tests.servers.pipeline import App, pipeline_on, until

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse]

SCRIPTS = Path(__file__).with_name("scripts")
SUSPENDED_WORKER = [str(SCRIPTS / "suspended_worker.py")]
CREDULOUS_WORKER = [str(SCRIPTS / "credulous_worker.py")]
MESSAGES = sorted(tweets(600, days=45, seed=5), key=lambda message: message["occurred_at"])
BEFORE, AFTER = MESSAGES[:450], MESSAGES[450:]
# The event time of idle inputs is now: what comes afterwards must not be late.
SETTINGS = {"session_timeout_s": 2, "idle_s": 1, "chunk_records": 30, "allowed_lateness_days": 3650}

Counted = Callable[[Sequence[str]], dict[str, int]]


def suspended(app: App) -> bool:
    """Return whether a process is stopped, as /proc has it: `pid (name) state …`."""
    return Path(f"/proc/{app.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.fixture
def counted(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path: Path) -> Counted:
    """Call with what runs as the last worker; returns the touchpoints of each customer in the end."""

    def run(last: Sequence[str]) -> dict[str, int]:
        with pipeline_on(kafka, clickhouse_server, tmp_path, **SETTINGS) as pipeline:
            pipeline.publish(write(BEFORE, tmp_path / "before.jsonl"))
            pipeline.start("sink")
            late = pipeline.app("worker", SUSPENDED_WORKER)
            late.start()
            until(lambda: suspended(late), "the worker to be suspended")
            owner = pipeline.start("worker")
            pipeline.drain()
            late.send_signal(signal.SIGCONT)
            until(lambda: late.died, "the late worker to have written its state")
            assert late.status == -signal.SIGKILL, late.tail()
            late.stop()
            owner.kill9()
            pipeline.app("worker", last).start()
            pipeline.publish(write(AFTER, tmp_path / "after.jsonl"))
            pipeline.drain()
            rows = pipeline.rows()
            assert len(rows["touchpoints"]) == len(MESSAGES)
            return {row["customer_id"]: row["touchpoints"] for row in rows["customers"]}

    return run


def published() -> Counter[str]:
    """Return the number of touchpoints of each anonymous profile: the Twitter name, in small letters, without its @."""
    return Counter(f"anon:twitter:{message['identifiers']['twitter'].lower()[1:]}" for message in MESSAGES)


def test_the_state_of_the_highest_offset_holds_not_what_was_written_last(counted: Counted) -> None:
    assert counted([]) == published()


def test_a_worker_that_restored_the_last_entry_would_forget_touchpoints(counted: Counted) -> None:
    found, wanted = counted(CREDULOUS_WORKER), published()

    assert found.keys() == wanted.keys()
    assert sum(found.values()) < wanted.total()
