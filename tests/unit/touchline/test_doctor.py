"""Doctor says whether `touchline collect` would start, and whether `touchline migrate` would take the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streams.settings import load
from touchline.doctor.check import Check
from touchline.doctor.run import run_checks
from touchline.stack.ports import HOST, free_port

KEY = "k" * 24


def found(name: str = "collect", **settings: Any) -> Check:
    """Return what a check finds on a machine without servers."""
    nowhere = f"{HOST}:{free_port()}"
    chosen = load(kafka=nowhere, clickhouse=f"clickhouse://{nowhere}", **settings)
    (check,) = [check for check in run_checks(chosen) if check.name == name]
    return check


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"collect_host": "0.0.0.0"}, "there are no API keys"),  # noqa: S104  # it is refused
        ({"collect_keys": ""}, "TOUCHLINE_COLLECT_KEYS holds no key"),
        ({"collect_keys": "shop"}, "it should look like name:key"),
        ({"collect_keys": "shop:short"}, "openssl rand -hex 24"),
        ({"collect_keys_file": "/nowhere/keys"}, "TOUCHLINE_COLLECT_KEYS_FILE: /nowhere/keys cannot be read"),
        ({"collect_queue_touchpoints": 1}, "TOUCHLINE_COLLECT_QUEUE_TOUCHPOINTS is 1"),
    ],
)
def test_what_the_collector_would_not_start_with_is_a_problem(settings: dict[str, Any], says: str) -> None:
    check = found(**settings)

    assert not check.ok
    assert says in check.text


def test_without_keys_it_is_said_who_is_let_in_and_with_keys_whose_they_are(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"till:{KEY}2\n")

    assert found() == Check("collect", True, "no API keys: it would take requests from this machine alone")
    assert found(collect_keys=f"shop:{KEY}", collect_keys_file=str(file)) == Check(
        "collect", True, "API keys of shop, till"
    )


def test_files_are_read_before_a_migration_needs_them(tmp_path: Path) -> None:
    hours, survey = tmp_path / "hours.toml", tmp_path / "own.toml"
    hours.write_text('[[calendar]]\nname = "desk"\ntime_zone = "UTC"\nhours.monday = ["09:00-17:00"]\n')
    survey.write_text('id = "own"\ntitle = "T"\n[[question]]\nid = "q"\nkind = "text"\ntext = "Why?"\n')
    both = {"calendars": str(hours), "surveys": str(survey)}

    assert found("files") == Check("files", True, "neither business hours nor questionnaires of your own")
    assert found("files", **both) == Check("files", True, "calendar desk, survey own")

    survey.write_text("id = ")
    check = found("files", **both)
    assert not check.ok
    assert check.text.startswith(f"TOUCHLINE_SURVEYS: {survey}: the survey cannot be read")
