"""`touchline notify --try` tells of each target whether it took an example; mistakes are explained."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from tests.servers.receiver import Receiver
from touchline.main import cli

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  # made up


def run(folder: Path, text: str | None, *options: str) -> Result:
    file = folder / "targets.toml"
    if text is not None:
        file.write_text(text)
    told = {"TOUCHLINE_NOTIFY": str(file), "CARE_SECRET": SECRET, "TOUCHLINE_KAFKA": "127.0.0.1:9"}
    return CliRunner(env=told).invoke(cli, ["notify", *options])


def webhook(name: str, url: str) -> str:
    return f'[[target]]\nname = "{name}"\nkind = "webhook"\nurl = "{url}"\nsecret_env = "CARE_SECRET"\n'


def test_an_example_is_sent_once_to_each_target_and_nothing_is_asked_of_kafka(tmp_path: Path) -> None:
    with Receiver() as takes, Receiver(lambda _: "fail") as fails:
        done = run(tmp_path, webhook("good", takes.url) + webhook("bad", fails.url), "--try")

    assert done.exit_code == 1
    assert done.stdout.splitlines() == ["good: took the example", "bad: it answers 503"]
    assert "1 of 2 targets did not take it" in done.stderr
    assert fails.outcomes == {"fail": 1}
    ((request,),) = takes.received.values()
    assert json.loads(request.body)["data"]["topic"].startswith("an example")


def test_without_targets_it_says_how_to_name_them(tmp_path: Path) -> None:
    done = run(tmp_path, None, "--try")

    assert done.exit_code == 1
    assert "TOUCHLINE_NOTIFY" in done.stderr
    assert "cannot be read: No such file" in done.stderr


def test_options_exclude_each_other(tmp_path: Path) -> None:
    assert "do not go together" in run(tmp_path, "", "--try", "--dead-letters").stderr
