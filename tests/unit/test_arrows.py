"""The rooms of the house, and which may know of which: read off the imports of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {"bench", "examples", "schemas", "servers", "sinks", "streams", "touchline", "tests"}

MAY_KNOW: dict[str, set[str]] = {
    "schemas": set(),
    "sinks": {"schemas"},
    "streams": {"schemas", "sinks"},
    "touchline": {"schemas", "sinks", "streams"},
    "servers": {"schemas", "touchline"},
    "bench": {"schemas", "servers", "sinks", "streams", "touchline"},
    "examples": {"touchline"},
}
STREAMS_MAY_KNOW: dict[str, set[str]] = {
    "process": {"agents", "kafka", "runtime", "settings"},
    "agents": {"identity", "intake", "journeys", "kafka", "runtime", "sentiment", "settings", "topics"},
    "kafka": {"runtime", "settings"},
    "runtime": {"settings"},
    "settings": {"identity", "sentiment", "topics"},
    "identity": set(),
    "intake": {"identity", "sentiment", "topics"},
    "journeys": set(),
    "sentiment": set(),
    "topics": set(),
}
PURE = ("streams/identity", "streams/intake", "streams/journeys", "streams/sentiment", "streams/topics")
FORBIDDEN = ("streams.agents", "streams.settings", "streams.process", "sinks")
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


def parts_of_streams() -> dict[str, list[Path]]:
    """Return the modules of each part of `streams`: a folder; a module beside the folders would be a part, too."""
    parts: dict[str, list[Path]] = {}
    for path in modules("streams"):
        name = path.relative_to(ROOT / "streams").parts[0].removesuffix(".py")
        if name != "__init__":
            parts.setdefault(name, []).append(path)
    return parts


def test_every_part_of_streams_has_its_place() -> None:
    assert parts_of_streams().keys() == STREAMS_MAY_KNOW.keys()


@pytest.mark.parametrize("part", STREAMS_MAY_KNOW)
def test_a_part_of_streams_knows_only_of_those_below(part: str) -> None:
    known = {
        name.split(".")[1]
        for path in parts_of_streams()[part]
        for name in imports(path)
        if name.startswith("streams.") and name.split(".")[1] in STREAMS_MAY_KNOW
    }

    assert known - {part} <= STREAMS_MAY_KNOW[part]


@pytest.mark.parametrize("folder", PURE)
def test_pure_logic_knows_no_transport_no_settings_and_no_agent(folder: str) -> None:
    for path in modules(folder):
        for name in imports(path):
            assert name.split(".")[0] not in TRANSPORTS, path
            assert not name.startswith(("streams.agents", "streams.settings", "streams.process", "sinks")), path


def test_modules_outside_a_sink_open_it_by_its_address() -> None:
    folders = [f"sinks.{path.parent.name}" for path in (ROOT / "sinks").glob("*/__init__.py")]
    # Every ClickHouse has the same error codes and messages.
    shared = ("sinks.clickhouse.codes", "sinks.clickhouse.messages")
    for path in [path for room in MAY_KNOW for path in modules(room)]:
        foreign = [folder for folder in folders if path.parent != ROOT / folder.replace(".", "/")]
        for name in imports(path):
            assert name.startswith(shared) or not name.startswith(tuple(foreign)), path


def test_a_driver_is_known_to_its_sink_alone() -> None:
    sinks = {"clickhouse_driver": "clickhouse", "chdb": "chdb"}
    for path in modules("sinks"):
        drivers = {name.split(".")[0] for name in imports(path)} & sinks.keys()

        assert {ROOT / "sinks" / sinks[driver] for driver in drivers} <= {path.parent}, path


def test_journeys_know_of_nothing_but_what_was_said() -> None:
    for path in modules("streams/journeys"):
        rooms = {name for name in imports(path) if name.split(".")[0] in ROOMS}

        assert all(name.startswith(("schemas", "streams.journeys")) for name in rooms), path


def test_only_the_app_builds_agents() -> None:
    for path in [*modules("streams"), *modules("touchline"), *modules("sinks")]:
        agents = {
            name for name in imports(path) if name in {f"streams.agents.{n}" for n in ("ingest", "journeys", "sink")}
        }

        assert not agents or path == ROOT / "streams/process/app.py", path


def test_journeys_read_no_clock_and_throw_no_dice() -> None:
    forbidden = {"time", "datetime", "random", "uuid", "secrets", "os"}
    for path in modules("streams/journeys"):
        assert not forbidden & {name.split(".")[0] for name in imports(path)}, path


def test_servers_run_without_pytest() -> None:
    for path in modules("servers"):
        assert "pytest" not in {name.split(".")[0] for name in imports(path)}, path


def test_kinds_know_of_no_codec_topic_or_log() -> None:
    allowed = ("schemas.kinds", "schemas.errors", "schemas.limits", "schemas.rows", "schemas.units")
    for path in modules("schemas/kinds"):
        rooms = {name for name in imports(path) if name.split(".")[0] in ROOMS}

        assert all(name.startswith(allowed) for name in rooms), path
