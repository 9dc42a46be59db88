"""The fixtures every test may ask for, each in a module of its own."""

from __future__ import annotations

from importlib.util import find_spec

pytest_plugins = [
    "tests.servers.process",
    "tests.servers.fixtures",
]
if find_spec("tests.chdb_session") is not None:
    pytest_plugins.append("tests.chdb_session")
