"""The rooms of the house, and which may know of which: read off the imports of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {"bench", "examples", "schemas", "sinks", "streams", "touchline", "tests"}

MAY_KNOW: dict[str, set[str]] = {
    "schemas": set(),
    "sinks": {"schemas"},
    "streams": {"schemas", "sinks"},
    "touchline": {"schemas", "sinks", "streams"},
    "bench": {"schemas", "sinks", "streams", "touchline", "tests"},
    "examples": {"touchline"},
}
PURE = ("streams/intake", "streams/journeys", "streams/sentiment")
TRANSPORTS = {"faust", "mode", "aiokafka", "clickhouse_driver", "chdb", "asyncio", "prometheus_client"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, whole names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", sorted(MAY_KNOW))
def test_a_room_knows_only_of_those_below(room: str) -> None:
    known = {name.split(".")[0] for path in modules(room) for name in imports(path)} & ROOMS - {room}

    assert known <= MAY_KNOW[room]


@pytest.mark.parametrize("folder", PURE)
def test_pure_logic_knows_no_transport_no_settings_and_no_agent(folder: str) -> None:
    for path in modules(folder):
        for name in imports(path):
            assert name.split(".")[0] not in TRANSPORTS, path
            assert not name.startswith(("streams.agents", "streams.settings", "streams.app", "sinks")), path


def test_journeys_know_of_nothing_but_what_was_said() -> None:
    for path in modules("streams/journeys"):
        rooms = {name for name in imports(path) if name.split(".")[0] in ROOMS}

        assert all(name.startswith(("schemas", "streams.journeys")) for name in rooms), path


def test_only_the_app_builds_agents() -> None:
    for path in [*modules("streams"), *modules("touchline"), *modules("sinks")]:
        agents = {
            name for name in imports(path) if name in {f"streams.agents.{n}" for n in ("ingest", "journeys", "sink")}
        }

        assert not agents or path == ROOT / "streams/app.py", path


def test_journeys_read_no_clock_and_throw_no_dice() -> None:
    forbidden = {"time", "datetime", "random", "uuid", "secrets", "os"}
    for path in modules("streams/journeys"):
        assert not forbidden & {name.split(".")[0] for name in imports(path)}, path


def test_kinds_know_of_no_codec_topic_or_log() -> None:
    allowed = ("schemas.kinds", "schemas.errors", "schemas.rows", "schemas.units")
    for path in modules("schemas/kinds"):
        rooms = {name for name in imports(path) if name.split(".")[0] in ROOMS}

        assert all(name.startswith(allowed) for name in rooms), path
