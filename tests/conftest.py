"""The fixtures that every test may ask for, each in a module of its own, and Hypothesis's settings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

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

DEAREST = (
    "chaos/test_kill.py",
    "integration/test_demo_figures.py",
    "integration/test_real_input.py",
    "chaos/test_broker_stops.py",
    "chaos/test_outages.py",
    "chaos/test_crash_points.py",
    "integration/test_ingest.py",
    "integration/test_erase.py",
    "integration/test_erase_pseudonyms.py",
    "integration/test_rebuild.py",
    "integration/test_real_parts.py",
    "integration/test_identity.py",
    "integration/test_demo.py",
    "chaos/test_moves.py",
)
"""The files that take minutes, the longest first."""

# No deadline: a busy machine is no bug. The blob lets anyone run again what failed in CI.
settings.register_profile("touchline", deadline=None, print_blob=True)
settings.load_profile("touchline")


@pytest.fixture(autouse=True)
def _structlog_as_it_was() -> Iterator[None]:
    """Let no command, run in a test's own process, quieten the logs that the next test looks at."""
    yield
    structlog.reset_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files that take minutes begin first: else one process is at the last of them while the others wait."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(DEAREST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
