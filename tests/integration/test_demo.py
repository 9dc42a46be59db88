"""`touchline demo` from end to end, as a person runs it: what it stores, tells and leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.servers.process import ctrl_c_obeyed
from tests.servers.small_disk import fill, small_disk
from touchline.simulate import write_simulation

pytestmark = pytest.mark.embedded

MARK = "DEMO_UNDER_TEST"
"""In the environment of a demo, and so of every process that it starts."""
DEMO_S = 300.0
BUSINESS = {"business_change", "marketing_spend"}


@dataclass(frozen=True)
class Demo:
    process: subprocess.Popen[str]
    mark: str

    def processes(self) -> dict[int, str]:
        """Return the process id and command line of all processes of this demo."""
        found = {}
        wanted = f"{MARK}={self.mark}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = command.decode()
            except OSError:  # it ended meanwhile, or is not ours
                continue
        return found

    def read_until(self, word: str) -> str:
        """Return what it says of itself up to the line that contains `word`."""
        assert self.process.stderr is not None
        said = ""
        patience = Timer(DEMO_S, self.process.kill)
        patience.start()
        try:
            for line in self.process.stderr:
                said += line
                if word in line:
                    return said
        finally:
            patience.cancel()
        raise AssertionError(f"{word!r} was never said:\n{said}")

    def wait_for_process(self, word: str) -> int:
        deadline = time.monotonic() + DEMO_S
        while time.monotonic() < deadline:
            for pid, command in self.processes().items():
                if word in command:
                    return pid
            time.sleep(0.05)
        raise AssertionError(f"no process with {word!r} in {self.processes()}")


Start = Callable[..., Demo]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Demo] = []

    def start_demo(*arguments: object) -> Demo:
        mark = uuid.uuid4().hex
        with ctrl_c_obeyed():
            process = subprocess.Popen(
                [sys.executable, "-m", "touchline", "demo", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, MARK: mark},
            )
        started.append(Demo(process, mark))
        return started[-1]

    yield start_demo
    for demo in started:
        demo.process.kill()
        demo.process.communicate()


@dataclass(frozen=True)
class Shop:
    file: Path
    lines: list[dict[str, Any]]
    truth: dict[str, Any]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Six weeks of a small shop; two of its lines come twice, and one holds an impossible score."""
    file = tmp_path_factory.mktemp("shop") / "shop.jsonl"
    write_simulation(customers=25, days=42, seed=7, out=file)
    good = file.read_text().splitlines()
    wrong = {
        "kind": "survey_answer",
        "event_id": "eleven",
        "occurred_at": "2025-12-01T00:00:00Z",
        "source": "survey",
        "customer_id": "C-eleven",
        "response_id": "r-eleven",
        "survey_id": "s",
        "phase": "answered",
        "question_kind": "nps",
        "score": 11,
        "scale_min": 0,
        "scale_max": 10,
    }
    file.write_text("\n".join([*good, *good[10:12], json.dumps(wrong)]) + "\n")
    truth = json.loads(file.with_suffix(".truth.json").read_text())
    return Shop(file, [json.loads(line) for line in good], truth)


def ask(database: Path, sql: str) -> list[list[Any]]:
    command = [sys.executable, "-m", "touchline", "query", sql, "--data", str(database)]
    answer = subprocess.run([*command, "--format", "JSONCompactEachRow"], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_a_demo_without_room_for_its_rows_says_so(tmp_path: Path, start: Start) -> None:
    lines = tmp_path / "view.jsonl"
    view = {"kind": "page_view", "event_id": "v", "occurred_at": "2025-12-01T00:00:00Z", "source": "web", "page": "/"}
    lines.write_text(json.dumps({**view, "customer_id": "c"}))
    with small_disk(tmp_path / "disk", megabytes=32) as disk:
        demo = start("--input", lines, "--keep", disk / "kept")
        demo.read_until("publishing")  # the tables are made
        fill(disk)
        said = demo.read_until("ClickHouse takes no rows")
        demo.process.kill()
        demo.process.wait()

    assert re.search(r"ClickHouse takes no rows; trying until it does: .*[Nn]ot enough space", said)


def test_a_demo_stores_what_came_in_reports_it_and_says_how_to_ask_more(
    tmp_path: Path, shop: Shop, start: Start
) -> None:
    database = tmp_path / "kept data"

    demo = start("--input", shop.file, "--keep", database)
    report, said = demo.process.communicate(timeout=DEMO_S)

    assert demo.process.returncode == 0, said
    assert demo.processes() == {}

    touchpoints = [line for line in shop.lines if line["kind"] not in BUSINESS]
    kinds = Counter(line["kind"] for line in touchpoints)
    found = ask(database, "SELECT kind, count(), uniqExact(event_id) FROM touchpoints GROUP BY kind")
    assert {kind: (int(n), int(ids)) for kind, n, ids in found} == {kind: (n, n) for kind, n in kinds.items()}
    sold = Counter[str]()
    for line in touchpoints:
        if line["kind"] == "purchase" and line.get("action", "placed") == "placed":
            sold[line["currency"]] += line["amount_minor"]
    revenue = ask(
        database,
        "SELECT dimension_value, sum(numerator) FROM rolling_metrics "
        "WHERE metric = 'revenue' AND grain = '1d' AND dimension = 'currency' GROUP BY 1",
    )
    assert {currency: int(amount) for currency, amount in revenue} == sold
    # Other orders of the same customers recover rows too; the simulator's orders name their carts.
    carts = ask(
        database,
        "SELECT count(), countIf(recovered_by = 'cart_id') FROM abandonments WHERE subject IN ('cart', 'checkout')",
    )
    assert [[int(n) for n in row] for row in carts] == [
        [shop.truth["carts"]["abandoned"], shop.truth["carts"]["recovered"]]
    ]
    assert ask(database, "SELECT topic, reason FROM dead_letters") == [
        ["touchpoints.survey_answers.v1", "invalid_score"]
    ]

    assert f"{len(touchpoints):,} touchpoints of" in " ".join(report.split())
    assert "1 message refused: 1 invalid_score." in report
    assert "\x1b" not in report
    examples = re.findall(r"^  (.* query \".*)$", report, re.MULTILINE)
    assert len(examples) == 3
    for example in examples:
        answer = subprocess.run(  # noqa: S602  # a person would paste it
            example, shell=True, capture_output=True, text=True, check=False
        )
        assert (answer.returncode, answer.stderr) == (0, ""), example
        assert "row" in answer.stdout


def test_a_cart_left_31_minutes_ago_is_in_the_tables(tmp_path: Path, start: Start) -> None:
    left_at = datetime.now(UTC) - timedelta(minutes=31)
    line = {
        "kind": "cart_event",
        "event_id": "added",
        "occurred_at": left_at.isoformat(),
        "source": "shop",
        "customer_id": "C-1",
        "cart_id": "cart-1",
        "action": "item_added",
        "value_minor": 8900,
        "currency": "EUR",
    }
    file = tmp_path / "cart.jsonl"
    file.write_text(json.dumps(line))

    demo = start("--input", file, "--keep", tmp_path / "kept")
    _, said = demo.process.communicate(timeout=DEMO_S)

    assert demo.process.returncode == 0, said
    assert ask(tmp_path / "kept", "SELECT subject, subject_id, status FROM abandonments") == [
        ["cart", "cart-1", "abandoned"]
    ]


@pytest.mark.parametrize("moment", ["starting", "publishing", "making journeys"])
def test_an_interrupted_demo_leaves_no_process_and_no_half_database(
    tmp_path: Path, shop: Shop, start: Start, moment: str
) -> None:
    database = tmp_path / "kept"
    demo = start("--input", shop.file, "--keep", database)
    demo.read_until(moment)

    demo.process.send_signal(signal.SIGINT)
    demo.process.communicate(timeout=30)

    assert demo.process.returncode == 130
    assert demo.processes() == {}
    assert not database.exists()


def test_a_demo_whose_worker_dies_ends_with_the_cause(tmp_path: Path, shop: Shop, start: Start) -> None:
    demo = start("--input", shop.file, "--keep", tmp_path / "kept")

    os.kill(demo.wait_for_process("touchline worker"), signal.SIGKILL)
    _, said = demo.process.communicate(timeout=30)

    assert demo.process.returncode == 1
    assert "worker 1 ended unexpectedly (SIGKILL)" in said
    assert demo.processes() == {}


def test_a_folder_that_holds_a_database_is_refused_before_anything_starts(
    tmp_path: Path, shop: Shop, start: Start
) -> None:
    (tmp_path / "metadata").mkdir()

    demo = start("--input", shop.file, "--keep", tmp_path)
    _, said = demo.process.communicate(timeout=30)

    assert demo.process.returncode == 1
    assert "already holds a database" in said
    assert (tmp_path / "metadata").is_dir()
