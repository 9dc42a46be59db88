"""The fixtures that every test may ask for, each in a module of its own, and Hypothesis's settings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import structlog
from hypothesis import settings

pytest_plugins = [
    "tests.servers.process",
    "tests.servers.fixtures",
]
if find_spec("playwright") is not None:
    pytest_plugins.append("tests.servers.chromium")
if find_spec("tests.chdb_session") is not None:
    pytest_plugins.append("tests.chdb_session")

# No deadline: a busy machine is no bug. The blob lets anyone run again what failed in CI.
settings.register_profile("touchline", deadline=None, print_blob=True)
settings.load_profile("touchline")


@pytest.fixture(autouse=True)
def _structlog_as_it_was() -> Iterator[None]:
    """Let no command, run in a test's own process, quieten the logs that the next test looks at."""
    yield
    structlog.reset_defaults()
