"""A process answers probes and scrapes while thousands of connections to it are held open, and stays small."""

from __future__ import annotations

import resource
import socket
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.servers.process import watch
from touchline.stack.child import Child
from touchline.stack.ports import HOST, free_port

CONNECTIONS = 2000
SCRAPE_S = 5.0
"""Half of what Prometheus gives a scrape by default."""
FILES_BESIDES = 40
"""Open files of a process that has no connection."""
MOST_OPEN = 64
"""As docs/operating.md promises."""
START_S = 60.0
BUSY = Path(__file__).parent / "scripts" / "busy_process.py"

HALF_ASKED = b"GET /metrics HTTP/1.1\r\nHost: touchline\r\n"
KEEP_ALIVE = b"GET /healthz HTTP/1.1\r\nHost: touchline\r\nConnection: keep-alive\r\n\r\n"


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Hold sockets open; this process may hold enough of them."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], min(before[1], 2 * CONNECTIONS)), before[1]))
    with ExitStack() as opened:
        yield opened
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def get(port: int, path: str) -> tuple[int, str]:
    """Return an answer's status and text.

    Raises:
        OSError: there was none in time.
    """
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=SCRAPE_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def hold(clients: ExitStack, port: int, said: bytes) -> None:
    """Open many connections that say something, and nothing after it."""
    for _ in range(CONNECTIONS):
        client = clients.enter_context(socket.create_connection((HOST, port), SCRAPE_S))
        client.sendall(said)


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Child, int]]:
    """A worker that waits for Kafka, and so needs none, and the port of its metrics."""
    port = free_port()
    told = {
        "TOUCHLINE_KAFKA": f"{HOST}:{free_port()}",
        "TOUCHLINE_METRICS_PORT": str(port),
        "TOUCHLINE_LOG_FORMAT": "json",
    }
    child = watch(
        Child("worker", [sys.executable, "-m", "touchline", "worker"], tmp_path_factory.mktemp("worker") / "log", told)
    )
    child.start()
    try:
        child.wait_ready(lambda: answers(port), START_S)
        yield child, port
    finally:
        child.stop()


def answers(port: int) -> bool:
    try:
        return get(port, "/healthz")[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize("said", [b"", HALF_ASKED, KEEP_ALIVE], ids=["silent", "half asked", "kept alive"])
def test_a_worker_answers_under_two_thousand_held_connections(
    worker: tuple[Child, int], clients: ExitStack, said: bytes
) -> None:
    child, port = worker
    before = threads(child.pid)
    hold(clients, port, said)
    began = time.monotonic()

    alive, metrics, ready = (get(port, path) for path in ("/healthz", "/metrics", "/readyz"))

    assert time.monotonic() - began < SCRAPE_S
    assert alive[0] == 200
    assert metrics[0] == 200
    assert "touchline_build_info" in metrics[1]
    assert ready[0] == 503
    assert ready[1].startswith("waiting for Kafka")
    assert threads(child.pid) <= before + 1, "only Kafka's client may have started one meanwhile"
    assert files(child.pid) <= MOST_OPEN + FILES_BESIDES


def test_a_busy_process_answers_while_connections_come_without_end(clients: ExitStack, tmp_path: Path) -> None:
    busy = watch(Child("busy", [sys.executable, str(BUSY)], tmp_path / "log"))
    clients.callback(busy.stop)
    busy.start()
    busy.wait_ready(lambda: busy.log.read_text().endswith("\n"), START_S)
    port = int(busy.log.read_text())
    over, came = Event(), 0

    def come() -> None:
        nonlocal came
        last: deque[socket.socket] = deque(maxlen=CONNECTIONS // 4)
        while not over.is_set():
            with suppress(OSError):  # it may be shown out while it speaks
                last.append(socket.create_connection((HOST, port), SCRAPE_S))
                last[-1].sendall(HALF_ASKED)
                came += 1

    flood = Thread(target=come)
    flood.start()
    try:
        while came < CONNECTIONS:
            assert get(port, "/healthz")[0] == 200
            assert get(port, "/metrics")[0] == 200
        assert files(busy.pid) <= MOST_OPEN + FILES_BESIDES
    finally:
        over.set()
        flood.join()
