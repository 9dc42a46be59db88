"""`touchline train-topics`: the file it writes, what it says, and what it refuses."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.settings import load
from streams.topics import read_model
from touchline.main import cli

GOES_WITH = {"refund": ["receipt", "till", "drawer", "stamp"], "parcel": ["porch", "street", "gate", "neighbour"]}


def texts(n: int) -> list[str]:
    rnd = random.Random(1)
    lines = []
    for number in range(n):
        word = ("refund", "parcel")[number % 2]
        lines.append(" ".join([word, *rnd.sample(GOES_WITH[word], 2), f"word{rnd.randrange(500)}"]))
    return lines


def run(folder: Path, lines: list[str], **settings: str) -> Result:
    (folder / "texts.jsonl").write_text("\n".join(lines))
    arguments = ["train-topics", "--data", str(folder / "texts.jsonl"), "--out", str(folder / "model.topics")]
    return CliRunner(env={f"TOUCHLINE_{key}": value for key, value in settings.items()}).invoke(cli, arguments)


def test_a_model_is_written_that_workers_load(tmp_path: Path) -> None:
    lines = [json.dumps({"text": text, "kind": "tweet"}) for text in texts(400)]
    result = run(tmp_path, lines)
    file = tmp_path / "model.topics"
    model = read_model(file.read_text())

    assert result.exit_code == 0, result.output
    assert model.topics == ("delivery", "returns")
    assert model.name in result.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("model")] == ["model.topics"]
    found = load(topic_model=str(file)).topic_finder().find("it stood on the porch near the gate")
    assert found == (("delivery",), model.name)


def test_lines_that_hold_no_text_are_counted_and_the_first_is_told(tmp_path: Path) -> None:
    lines = [json.dumps({"text": text}) for text in texts(400)]
    lines[3:3] = ["{", '{"text": 3}', '{"labels": ["a\\n"], "text": "x"}', '{"other": 1}', "", '{"text": " "}']
    result = run(tmp_path, lines)

    assert result.exit_code == 0
    assert result.stderr.startswith("3 lines are left out; the first is line 4: ")


def test_the_operators_own_words_and_labels_are_learned(tmp_path: Path) -> None:
    words = tmp_path / "words.toml"
    words.write_text('shipped = false\n[topics]\nmoney = ["refund"]\n')
    lines = [json.dumps({"text": text, "labels": ["money" if "refund" in text else "post"]}) for text in texts(800)]
    result = run(tmp_path, lines, TOPIC_WORDS=str(words))

    assert result.exit_code == 0, result.output
    assert read_model((tmp_path / "model.topics").read_text()).topics == ("money", "post")
    # The lists know half of the labels, and are right; with the model all are known.
    assert "the lists alone  precision 1.000  recall 0.50" in result.stdout
    assert "with the model   precision 1.000  recall 1.000" in result.stdout


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no line has a text"),
        (['{"text": "refund"}'], "1 different texts are too few"),
        (
            [json.dumps({"text": f"{word} {number}"}) for number in range(300) for word in ("refund", "parcel")],
            "refused",
        ),
    ],
)
def test_what_teaches_nothing_writes_nothing(tmp_path: Path, lines: list[str], message: str) -> None:
    result = run(tmp_path, lines)

    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "model.topics").exists()
