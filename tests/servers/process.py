"""What the servers share: a missing one skips (in CI, fails), and failures show their logs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from typing import NoReturn, Protocol

import pytest

from touchline.stack.child import Child

_started: list[Child] = []


def missing(reason: str) -> NoReturn:
    """Skip what needs a server that is not installed; in CI (`CI=true`), fail instead."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def need_program(name: str, how: str) -> str:
    """Return the path of a program; without it, skip or fail with `how` it is had."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        missing(f"{name} is not installed: {how}")
    return path


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
    """Start again what an earlier test stopped and, failing, did not start."""
    for name in {"kafka", "clickhouse_server"} & set(request.fixturenames):
        server: Restartable = request.getfixturevalue(name)
        server.ensure_running()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,  # noqa: ARG001  # the hook's signature
    call: pytest.CallInfo[None],  # noqa: ARG001  # likewise
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the servers' last lines to the report of a failure."""
    report = yield
    if report.failed:
        for child in _started:
            if child.running or child.died:
                report.sections.append((f"log of {child.name} ({child.log})", child.tail()))
    return report
