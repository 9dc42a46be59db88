"""What all server fixtures share: a missing server skips (in CI, fails), and failures show the servers' logs."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import NoReturn, Protocol

import pytest

from servers.programs import ServerMissingError
from touchline.stack.child import Child

_started: list[Child] = []


def missing(reason: str) -> NoReturn:
    """Skip what needs a server that is not installed; in CI (`CI=true`), fail instead."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def skip_without_server() -> Iterator[None]:
    """Skip, or fail in CI, when the block finds that a server is not installed."""
    try:
        yield
    except ServerMissingError as error:
        missing(str(error))


@contextmanager
def ctrl_c_obeyed() -> Iterator[None]:
    """Make the programs that are started in the block obey Ctrl-C.

    A test run that was started in the background (by nohup, cron or some CI) inherits an ignored SIGINT and
    would pass it on to them. Only the main thread may enter the block.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def watch(child: Child) -> Child:
    """Have the end of the child's log shown with every test that fails while it runs."""
    _started.append(child)
    return child


class Restartable(Protocol):
    """A server that is shared by tests, some of which stop it."""

    def ensure_running(self) -> None:
        """Start it if it does not run."""


@pytest.fixture(autouse=True)
def _shared_servers_run(request: pytest.FixtureRequest) -> None:
    """Start a server that an earlier test stopped and, because it failed, did not start again."""
    for name in {"kafka", "clickhouse_server"} & set(request.fixturenames):
        server: Restartable = request.getfixturevalue(name)
        server.ensure_running()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,  # noqa: ARG001  # the hook's signature
    call: pytest.CallInfo[None],  # noqa: ARG001  # the hook's signature
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the servers' last lines to the report of a failure."""
    report = yield
    if report.failed:
        for child in _started:
            if child.running or child.died:
                report.sections.append((f"log of {child.name} ({child.log})", child.tail()))
    return report
