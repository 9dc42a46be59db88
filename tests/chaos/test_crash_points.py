"""A worker is killed while it writes its state; as a control, another writes it in a wrong order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from tests.integration.shop import shop, write
from tests.servers.pipeline import pipeline_on, until
from tests.servers.rows import Rows, differences, embedded_rows

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.embedded]

DYING_WORKER = Path(__file__).with_name("scripts") / "dying_worker.py"
DIES_WITHIN_S = 30
SETTINGS = {"session_timeout_s": 2, "chunk_records": 50, "idle_s": 2}
IN_ORDER = ["-", "b", "bc", "bcf", "bcfp"]
# One write can fall where no state that it loses shows: three in a row do not.
POSITION_BEFORE_CUSTOMERS = ["bp"] * 3

Killed = Callable[[Sequence[str]], Rows]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(shop(30, 45, seed=12), tmp_path_factory.mktemp("crash") / "shop.jsonl")


@pytest.fixture(scope="module")
def undisturbed(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return embedded_rows(lines, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def killed(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path: Path, lines: Path) -> Killed:
    """Call with what each worker writes before it dies; returns the rows that are stored in the end."""

    def run(deaths: Sequence[str]) -> Rows:
        with pipeline_on(kafka, clickhouse_server, tmp_path, **SETTINGS) as pipeline:
            pipeline.publish(lines)
            pipeline.start("sink")
            for kinds in deaths:
                worker = pipeline.app("worker", [str(DYING_WORKER), kinds])
                worker.start()
                until(lambda worker=worker: worker.died, f"{worker.name} to die", DIES_WITHIN_S)  # type: ignore[misc]
                assert worker.status == -signal.SIGKILL, worker.tail()
                worker.stop()
            pipeline.start("worker")
            pipeline.drain()
            return pipeline.rows()

    return run


def test_a_kill_after_any_write_changes_no_row(undisturbed: Rows, killed: Killed) -> None:
    assert differences(undisturbed, killed(IN_ORDER)) == []


def test_with_the_position_before_the_customers_it_would(undisturbed: Rows, killed: Killed) -> None:
    # Customers are skipped as done, or are processed again and counted twice.
    assert differences(undisturbed, killed(POSITION_BEFORE_CUSTOMERS)) != []
