"""The fixtures that every test may ask for, each in a module of its own, and Hypothesis's settings."""

from __future__ import annotations

from importlib.util import find_spec

from hypothesis import settings

pytest_plugins = [
    "tests.servers.process",
    "tests.servers.fixtures",
]
if find_spec("tests.chdb_session") is not None:
    pytest_plugins.append("tests.chdb_session")

# No deadline: a busy machine is no bug. The blob lets anyone run again what failed in CI.
settings.register_profile("touchline", deadline=None, print_blob=True)
settings.load_profile("touchline")
