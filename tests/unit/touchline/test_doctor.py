"""Doctor says whether `touchline collect`, `notify` and `migrate` would start, or take their files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from streams.settings import Settings, load
from streams.topics import TopicModel
from touchline.doctor.check import Check
from touchline.doctor.run import run_checks
from touchline.stack.ports import HOST, free_port

KEY = "k" * 24
FIRST_OF_MAY = 1_777_615_200
"""2026-05-01, 06:00 UTC, in s."""


def settings_on_nothing(**settings: Any) -> Settings:
    """Return settings of a machine without servers."""
    nowhere = f"{HOST}:{free_port()}"
    return load(kafka=nowhere, clickhouse=f"clickhouse://{nowhere}", **settings)


def found(name: str = "collect", **settings: Any) -> Check:
    """Return what a check finds on a machine without servers."""
    (check,) = [check for check in run_checks(settings_on_nothing(**settings)) if check.name == name]
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


TARGETS = '[[target]]\nname = "care"\nkind = "slack"\nurl_env = "CARE_SLACK"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "targets.toml cannot be read: No such file"),
        ("", "the targets cannot be read"),
        (TARGETS, "target care: the environment variable CARE_SLACK is not set"),
    ],
)
def test_targets_that_do_not_hold_are_a_problem(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "targets.toml"
    if text is not None:
        file.write_text(text)
    check = found("notify", notify=str(file))

    assert not check.ok
    assert check.text.startswith(f"TOUCHLINE_NOTIFY: {file}")
    assert says in check.text


def test_targets_that_hold_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(TARGETS)
    monkeypatch.setenv("CARE_SLACK", "https://hooks.example.com/T0")

    assert found("notify") == Check("notify", True, "no targets: signals are delivered to nobody")
    assert found("notify", notify=str(file)) == Check("notify", True, "targets care")


def test_the_words_and_the_model_by_which_topics_are_found_are_named_with_the_age_of_the_model(tmp_path: Path) -> None:
    words, model = tmp_path / "words.toml", tmp_path / "topics.model"
    words.write_text('shipped = false\n[topics]\nparking = ["garage"]\nnoise = ["loud"]\n')
    weights = {"gate": (-100, -900), "porch": (-900, -100)}
    learned = TopicModel(("parking", "delivery"), (-700, -700), weights, 0.5, ("texts 400", "labelled 0"))
    model.write_text(learned.text())
    os.utime(model, (FIRST_OF_MAY, FIRST_OF_MAY))

    assert found("topics of texts") == Check("topics of texts", True, "words-1, 10 topics; no model beside them")
    check = found("topics of texts", topic_words=str(words), topic_model=str(model))
    lists = f"own-{hashlib.sha256(words.read_bytes()).hexdigest()[:8]}, 2 topics"
    assert check.ok
    assert check.text == (
        f"{lists}; beside them {learned.name}, 2 topics, written 2026-05-01 06:00 UTC, made of texts 400, labelled 0"
    )


def test_a_model_that_is_gone_since_the_settings_were_read_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "topics.model"
    file.write_text(TopicModel(("parking",), (0,), {"gate": (-100,)}, 0.5).text())
    chosen = settings_on_nothing(topic_model=str(file))
    file.unlink()

    (check,) = [check for check in run_checks(chosen) if check.name == "topics of texts"]

    assert not check.ok
    assert check.text.startswith(f"{file} cannot be read")
