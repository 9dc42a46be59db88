"""`touchline rebuild` says what it will do, and does it only when it was told to."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from touchline.commands import rebuild
from touchline.main import cli
from touchline.rebuild.plan import Held, Plan

PLAN = Plan(6, ["facts.journeys.v1"], {"touchpoints.tweets.v1": 4}, ["touchline-sink"], begun=False)


class Database:
    """Stands for a ClickHouse, and notes what is done with it."""

    def __init__(self, release: str = "25.8.1.1") -> None:
        self.done: list[str] = []
        self._release = release

    def version(self) -> str:
        return self._release

    def close(self) -> None:
        self.done.append("closed")


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    opened = Database()

    async def look(_settings: object) -> tuple[Plan, Held]:
        return PLAN, Held(messages=7, gone=0)

    async def do(_settings: object, into: Database, _on_step: object) -> None:
        into.done.append("rebuilt")

    monkeypatch.setattr(rebuild, "look", look)
    monkeypatch.setattr(rebuild, "rebuild", do)
    monkeypatch.setattr(rebuild, "open_database", lambda _url: opened)
    return opened


def run(*options: str, answer: str | None = None) -> Result:
    address = "clickhouse://me:hunter2@db:9000/touchline"
    environment = {"TOUCHLINE_CLICKHOUSE": address, "TOUCHLINE_PARTITIONS": "6"}
    return CliRunner(env=environment).invoke(cli, ["rebuild", *options], input=answer)


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_done(database: Database, answer: str) -> None:
    result = run(answer=answer)

    assert result.exit_code == 1
    assert "deletes 1 topic: facts.journeys.v1" in result.stdout
    assert database.done == ["closed"]


def test_a_yes_is_enough_and_what_every_process_needs_is_told(database: Database) -> None:
    result = run(answer="y\n")

    assert result.exit_code == 0
    assert database.done == ["rebuilt", "closed"]
    assert "with TOUCHLINE_PARTITIONS=6 and the other settings as they were" in result.stdout


def test_a_script_is_not_asked_and_no_password_is_shown(database: Database) -> None:
    result = run("--yes")

    assert database.done == ["rebuilt", "closed"]
    assert "Go on?" not in result.output
    assert "me:**********@db:9000" in result.stdout
    assert "hunter2" not in result.output


def test_a_clickhouse_that_is_too_old_is_refused_before_anything_is_done(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Database("23.10.1.1")
    monkeypatch.setattr(rebuild, "open_database", lambda _url: old)

    result = run("--yes")

    assert result.exit_code == 1
    assert "too old" in result.stderr
    assert old.done == ["closed"]
    assert database.done == []
