"""CDNOW's purchases become touchpoints: to the cent, in the file's order, none taken for another."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from examples.cdnow import main, read_rows, to_touchpoints

LINES = """customer_id  date number_of_cds  dollar_value
 00002 19970112  5   77.00
 00001 19970101  1   11.77
 00002 19970112  1   12.00
 00002 19970112  1   12.00
 00003 19980228  0    0.00
 00004 19970101  2   29.30
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "CDNOW_master.txt"
    path.write_text(LINES.replace("\n", "\r\n"), "ascii")
    return path


def test_purchases_as_in_the_file() -> None:
    purchases = to_touchpoints(read_rows(LINES.splitlines()))
    seen = [(p["event_id"], p["customer_id"], p["occurred_at"], p["amount_minor"]) for p in purchases]
    assert seen == [
        ("cdnow-2", "00001", "1997-01-01T12:00:00.000Z", 1177),
        ("cdnow-6", "00004", "1997-01-01T12:00:00.001Z", 2930),
        ("cdnow-1", "00002", "1997-01-12T12:00:00.000Z", 7700),
        ("cdnow-3", "00002", "1997-01-12T12:00:00.001Z", 1200),
        ("cdnow-4", "00002", "1997-01-12T12:00:00.002Z", 1200),
        ("cdnow-5", "00003", "1998-02-28T12:00:00.000Z", 0),
    ]
    assert {p["currency"] for p in purchases} == {"USD"}
    assert len({p["order_id"] for p in purchases}) == 6


@pytest.mark.parametrize(
    "line",
    ["00001 19970101 1", "00001 19971301 1 2.00", "00001 19970101 x 2.00", "1 19970101 1 2.005", "1 19970101 1 x"],
)
def test_bad_lines_are_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"line 2 is not 'customer YYYYMMDD discs dollars'"):
        list(read_rows(["00001 19970101 1 11.77", line]))


def test_command_writes_json_lines(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "cdnow.jsonl"
    result = CliRunner().invoke(main, ["--input", str(data), "--out", str(out)])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [line["kind"] for line in lines] == ["purchase"] * 6


def test_command_names_the_file_and_the_line(data: Path, tmp_path: Path) -> None:
    data.write_text("nonsense\n", "ascii")
    result = CliRunner().invoke(main, ["--input", str(data), "--out", str(tmp_path / "out.jsonl")])
    assert result.exit_code == 1
    assert f"{data}: line 1 is not" in result.output


@pytest.mark.skipif(find_spec("lifetimes") is None, reason="the package lifetimes is not installed")
def test_the_whole_file_to_the_cent(tmp_path: Path) -> None:
    out = tmp_path / "cdnow.jsonl"
    assert CliRunner().invoke(main, ["--out", str(out)]).exit_code == 0
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    # 69,659 purchases by 23,570 customers, as the set's authors say; the sum is awk's over the file.
    assert len(lines) == len({line["event_id"] for line in lines}) == 69_659
    assert len({line["customer_id"] for line in lines}) == 23_570
    assert sum(line["amount_minor"] for line in lines) == 250_031_563
