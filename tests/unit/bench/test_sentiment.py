"""`python -m bench.sentiment` reads any labelled CSV, and says which columns it would take."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.sentiment import main
from tests.unit.sentiment.test_training import texts


@pytest.mark.parametrize("sides", [("negative", "positive"), ("-1", "1"), ("0", "4")])
def test_a_table_is_printed_of_labels_of_any_words(tmp_path: Path, sides: tuple[str, str]) -> None:
    file = tmp_path / "texts.csv"
    made = texts(300)
    file.write_text("\n".join(["Content,airline_sentiment", *(f"{text},{sides[side > 0]}" for text, side in made)]))
    result = CliRunner().invoke(main, [str(file), "--own-labels", "100"])

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("300 texts: ")
    rows = {line[:42].strip(): [float(each) for each in line[42:].split()] for line in result.stdout.splitlines()[2:]}
    assert list(rows) == [
        "vaderSentiment",
        "the rules",
        "the rules and the base model",
        "learned without the base, 0 labels",
        "learned without the base, 100 labels",
        "learned with the base, 0 labels",
        "learned with the base, 100 labels",
    ]
    known = sum("terrible" in text or "wonderful" in text for text, _ in made) / len(made)
    assert rows["vaderSentiment"][0] == pytest.approx(known, abs=0.001)
    assert rows["learned without the base, 0 labels"][0] > 0.95


def test_columns_that_are_not_there_are_told(tmp_path: Path) -> None:
    file = tmp_path / "texts.csv"
    file.write_text("id,words,mood\n1,late,bad\n")
    result = CliRunner().invoke(main, [str(file)])
    assert "none of the columns text" in str(result.exception)
    assert "names: id, words, mood" in str(result.exception)
    result = CliRunner().invoke(main, [str(file), "--text", "words"])
    assert "names: id, words, mood; name one of these by --label" in str(result.exception)
