"""The airline tweets become touchpoints: in order of time, each its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from examples.airline_tweets import main, to_touchpoints

CSV = """row,created,name,airline,text,sentiment,confidence,negative_reason
0,2015-02-24T11:35:00Z,Cairdin,Virgin America,"@VirginAmerica What, again?",neutral,1,
1,2015-02-24T11:15:00Z,jnardino,United,@united tacky,positive,0.3,
2,2015-02-24T11:15:00Z,jnardino,United,@united late,negative,1,Late Flight
3,2015-02-24T06:14:00-05:00,ada,United,@united ok,neutral,1,
"""
ROW = {"row": "1", "created": "2015-02-24T11:15:00Z", "name": "ada", "airline": "United", "text": "hello"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "tweets.csv"
    path.write_text(CSV, "utf-8")
    return path


def test_command_writes_tweets_in_order(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "tweets.jsonl"
    result = CliRunner().invoke(main, ["--input", str(data), "--out", str(out)])
    assert result.exit_code == 0, result.output
    tweets = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [(t["event_id"], t["occurred_at"]) for t in tweets] == [
        ("airline-tweet-3", "2015-02-24T11:14:00.000Z"),
        ("airline-tweet-2", "2015-02-24T11:15:00.000Z"),
        ("airline-tweet-1", "2015-02-24T11:15:01.000Z"),
        ("airline-tweet-0", "2015-02-24T11:35:00.000Z"),
    ]
    assert tweets[1] == {
        "kind": "tweet",
        "event_id": "airline-tweet-2",
        "occurred_at": "2015-02-24T11:15:00.000Z",
        "source": "airline-tweets",
        "identifiers": {"twitter": "@jnardino"},
        "attributes": {"airline": "United", "label": "negative", "reason": "Late Flight"},
        "post_id": "2",
        "text": "@united late",
        "lang": "en",
    }
    assert tweets[3]["identifiers"] == {"twitter": "@cairdin"}
    assert tweets[3]["text"] == "@VirginAmerica What, again?"


def test_a_busy_minute_stays_within_itself() -> None:
    tweets = to_touchpoints({**ROW, "row": str(number)} for number in range(200))
    times = [tweet["occurred_at"] for tweet in tweets]
    assert len(set(times)) == 200
    assert times == sorted(times)
    assert times[-1] < "2015-02-24T11:16"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": ""}, "tweet 1 has no text"),
        ({"created": "yesterday"}, "tweet 1: created 'yesterday' is no time"),
    ],
)
def test_bad_rows_are_named(change: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_touchpoints([{**ROW, **change}])


def test_command_names_the_file(data: Path, tmp_path: Path) -> None:
    data.write_text("row,text\n1,hello\n", "utf-8")
    result = CliRunner().invoke(main, ["--input", str(data), "--out", str(tmp_path / "out.jsonl")])
    assert result.exit_code == 1
    assert f"{data}: tweet 1 has no created, name, airline" in result.output
