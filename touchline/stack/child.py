"""Child processes that stop with all their own children, and that never outlive this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from schemas.text import printable
from touchline.stack.errors import ChildExitedError

_LAUNCHER = str(Path(__file__).with_name("launch.py"))

POLL_S = 0.05
TAIL_LINES = 20

_Job = tuple["Future[None]", Callable[[], None]]
_jobs: SimpleQueue[_Job] = SimpleQueue()


@cache
def _start_spawner() -> None:
    """Start the thread that starts children, once.

    The kernel ties a child to the *thread* that started it. This one lives until the interpreter ends, so any thread
    may start a child, even one that ends sooner. It is no executor's: where an interrupt comes while that starts its
    thread, it forgets the thread, and the interpreter waits for it for ever.
    """
    Thread(target=_do, args=(_jobs,), name="spawner", daemon=True).start()


def _do(jobs: SimpleQueue[_Job]) -> None:
    while True:
        spawning, spawn = jobs.get()
        if spawning.set_running_or_notify_cancel():
            try:
                spawn()
            except BaseException as error:  # whoever waits raises it
                spawning.set_exception(error)
            else:
                spawning.set_result(None)


class Child:
    """A program in a session of its own, its output in a file; it may be started again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str | None] | None = None,
    ) -> None:
        """Describe the child.

        Args:
            name: for people.
            command: the program and its arguments.
            log: the file its output is appended to.
            environment: added to this process's own; None takes a variable away.
        """
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._spawning: Future[None] | None = None
        self._stopped = False

    @property
    def pid(self) -> int:
        """Process id, also its process group's.

        Raises:
            RuntimeError: it was never started.
        """
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the program is running now."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Exit status of the program; None while it runs, and before it was started."""
        return None if self._process is None else self._process.poll()

    @property
    def died(self) -> bool:
        """Whether the program was started and has ended by itself."""
        return self._process is not None and not self.running and not self._stopped

    def run(self, timeout_s: float) -> None:
        """Start the program and wait for it to end well.

        Raises:
            ChildExitedError: it ended with another exit status than 0.
            TimeoutError: it took longer than `timeout_s`.
        """
        try:
            self.start()
            if self._process is None:
                raise RuntimeError(f"{self.name} was not started")
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"{self.name} had not ended after {timeout_s:g} s; its last lines:\n{self.tail()}"
            ) from None
        finally:
            self.kill9()
        if status:
            raise ChildExitedError(self.name, status, self.tail())

    def start(self) -> None:
        """Start the program; its output is appended to the log.

        Raises:
            RuntimeError: it is already running.
        """
        if self.running:
            raise RuntimeError(f"{self.name} is already running")
        self._process = None
        self._stopped = False
        # Known before it can begin: an interrupt may come at any step.
        self._spawning = spawning = Future[None]()
        _start_spawner()
        _jobs.put((spawning, self._spawn))
        spawning.result()

    def _spawn(self) -> None:
        with self.log.open("ab") as output:
            # Set here, not by the caller: an interrupt of the caller must not lose the process.
            self._process = subprocess.Popen(  # noqa: S603  # commands come from this project alone
                [sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._merged_environment(),
                start_new_session=True,
            )

    def _merged_environment(self) -> dict[str, str]:
        merged = {**os.environ, **self._environment}
        return {name: value for name, value in merged.items() if value is not None}

    def wait_ready(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `ready()` holds.

        Raises:
            ChildExitedError: it ended first.
            TimeoutError: it took longer than `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} was not ready after {timeout_s:g} s; its last lines:\n{self.tail()}")
            time.sleep(POLL_S)

    def check(self) -> None:
        """Make sure that the program is running.

        Raises:
            ChildExitedError: it is not.
        """
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        status = self._process.poll()
        if status is not None:
            raise ChildExitedError(self.name, status, self.tail())

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines of its log, printable."""
        if not self.log.exists():
            return ""
        return "\n".join(map(printable, self.log.read_text(errors="replace").splitlines()[-lines:]))

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group; nothing happens when it is gone."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            self._process.poll()

    def kill9(self) -> None:
        """Kill it, with no chance to clean up."""
        self._await_spawn()
        self._stopped = True
        self.send_signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def stop(self, timeout_s: float = 20.0) -> None:
        """Ask it to end with SIGTERM; kill it if it still runs after `timeout_s` seconds."""
        self._await_spawn()
        if self._process is None:
            return
        try:
            self.send_signal(signal.SIGTERM)
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Kills the rest of the group too, and kills after an interrupt.
            self.kill9()

    def _await_spawn(self) -> None:
        """Wait until the process is made, if that has begun, and see that it does not begin any more."""
        if self._spawning is not None and not self._spawning.cancel():
            wait([self._spawning])
