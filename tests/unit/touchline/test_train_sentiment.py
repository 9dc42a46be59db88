"""`touchline train-sentiment`: the file it writes, what it says, what it refuses; and that workers load it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.sentiment import LearnedScorer, VaderScorer, read_model, shipped_model
from streams.settings import SettingsError, load
from tests.unit.sentiment.test_training import texts
from touchline.doctor.run import _scorer
from touchline.main import cli


def run(folder: Path, lines: list[str], *options: str, name: str = "texts.jsonl") -> Result:
    (folder / name).write_text("\n".join(lines))
    arguments = ["train-sentiment", "--data", str(folder / name), "--out", str(folder / "model.sentiment"), *options]
    return CliRunner().invoke(cli, arguments)


def lines_of(n: int, **beside: str) -> list[str]:
    return [json.dumps({"kind": "tweet", "text": text, **beside}) for text, _ in texts(n)]


def test_a_model_is_written_that_workers_load(tmp_path: Path) -> None:
    result = run(tmp_path, [*lines_of(400), "{"], "--no-base")
    file = tmp_path / "model.sentiment"
    model = read_model(file.read_text())

    assert result.exit_code == 0, result.output
    assert "1 lines are left out; the first is line 401" in result.stderr
    assert "400 different texts, 0 of them with a label" in result.stdout
    assert model.name in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.sentiment", "texts.jsonl"]
    settings = load(sentiment_model=str(file), companies="Crema")
    scorer = settings.scorer_for(settings.company_names)
    assert scorer.name == f"{VaderScorer().name}+{model.name}"
    assert (scorer.score("the barista and the saucer") or 0) > 500
    assert (scorer.score("the barista and the saucer") or 0) > (scorer.score("the crema and the hatch") or 0)
    check = _scorer(load(sentiment_model=str(file)))
    assert check.ok
    assert f"{model.name}, made of rules {VaderScorer().name}, base none, texts 400" in check.text


def test_labels_in_csv_are_learned_and_figures_are_told(tmp_path: Path) -> None:
    lines = ["Words,Mood", *(f"{text},{'good' if side > 0 else 'bad'}" for text, side in texts(600, known=0.3))]
    result = run(tmp_path, lines, "--text", "words", "--label", "mood", "--no-base", name="texts.csv")

    assert result.exit_code == 0, result.output
    assert "600 of them with a label" in result.stdout
    table = [
        line.split() for line in result.stdout.splitlines() if line.strip().startswith(("the rules", "with the model"))
    ]
    assert 0.2 < float(table[0][2]) < 0.4
    assert float(table[1][3]) > 0.99


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        ([], (), "there is no text to learn from"),
        (lines_of(1), (), "1 different texts are too few to learn from"),
        ([json.dumps({"text": f"hm n{number}", "label": "banana"}) for number in range(300)], (), "label 'banana'"),
        ([json.dumps({"text": f"the cup n{number}"}) for number in range(300)], (), "it is refused"),
    ],
)
def test_what_teaches_nothing_writes_nothing(
    tmp_path: Path, lines: list[str], options: tuple[str, ...], message: str
) -> None:
    result = run(tmp_path, lines, *options)

    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "model.sentiment").exists()


def test_without_a_setting_the_rules_score_alone_and_base_names_the_model_that_ships() -> None:
    settings = load(companies="Best Buy")
    rules, base = settings.scorer_for(settings.company_names), load(sentiment_model="base").scorer_for(())
    assert isinstance(rules, VaderScorer)
    assert rules.score("Best Buy closes at nine") == 0
    assert isinstance(base, LearnedScorer)
    assert base.name.endswith(shipped_model().name)


def test_a_setting_whose_file_does_not_hold_is_told(tmp_path: Path) -> None:
    file = tmp_path / "model.sentiment"
    with pytest.raises(
        SettingsError, match=r"TOUCHLINE_SENTIMENT_MODEL: .*cannot be read.*`base` names the model that ships"
    ):
        load(sentiment_model=str(file))
    file.write_text(shipped_model().text().replace("scale", "scala", 1))
    with pytest.raises(SettingsError, match="its checksum does not hold"):
        load(sentiment_model=str(file))
    file.write_text("a" * (2 << 20))
    with pytest.raises(SettingsError, match="more than 1 MiB"):
        load(sentiment_model=str(file))
