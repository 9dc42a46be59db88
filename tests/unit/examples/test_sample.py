"""The sample that ships is what its command makes, and tells its story."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from examples.sample import SAMPLE, main


def test_the_sample_can_be_made_again(tmp_path: Path) -> None:
    out = tmp_path / "sample.jsonl"
    result = CliRunner().invoke(main, ["--out", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == SAMPLE.read_bytes(), "run: python -m examples.sample"
    truth = out.with_suffix(".truth.json").read_bytes()
    assert truth == SAMPLE.with_suffix(".truth.json").read_bytes()


def test_the_sample_is_small_and_tells_of_failed_deliveries() -> None:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text("utf-8"))
    assert SAMPLE.stat().st_size < 5_000_000
    assert 8_000 <= truth["touchpoints"] <= 15_000
    reasons = [turn["why"] for turn in truth["mood_turns"] if turn["direction"] == "worse"]
    assert reasons.count("a failed delivery, then a long hold") > len(reasons) / 2
