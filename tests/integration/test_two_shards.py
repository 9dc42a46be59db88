"""Tables that are spread over a cluster say what those of a single server say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sinks.migrate import migrate
from tests.contract.engine import Engine
from tests.integration.scripts.two_shards import VIEWS, answers

pytestmark = pytest.mark.embedded

ROOT = Path(__file__).parents[2]
SCRIPT = "tests.integration.scripts.two_shards"
LINES = 1_200


def two_shards(lines: Path, folder: Path) -> dict[str, Any]:
    """Run the story in a process of its own: one opens one embedded database."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", SCRIPT, str(lines)]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2_000:]
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


def test_two_shards_say_what_one_server_says(chdb: Engine, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    sample = (ROOT / "touchline" / "sample.jsonl").read_bytes().splitlines(keepends=True)
    lines.write_bytes(b"".join(sample[:LINES]))
    migrate(chdb, currency="EUR")
    of_one = json.loads(json.dumps(answers(chdb, lines)))

    of_two = two_shards(lines, tmp_path)

    assert of_two["counts"] == of_one["counts"]
    for view in VIEWS:
        assert of_two["views"][view] == of_one["views"][view], view
        assert of_one["views"][view], view
    assert of_two["erased"] == of_one["erased"]
    assert of_one["erased"][0] > 10
    # A reader whose joins saw the rows of one shard alone would be told wrong figures.
    assert "Double-distributed IN/JOIN subqueries is denied" in of_two["denied"]
