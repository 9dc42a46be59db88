"""The report that the README shows is the one of the sample."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import touchline
from sinks.migrate import migrate
from tests.contract.engine import Engine
from tests.unit.played_lines import store
from tests.unit.touchline.pages import page_of
from touchline.report import print_report, read_findings

pytestmark = pytest.mark.embedded

README = Path(__file__).parents[2] / "README.md"
SAMPLE = Path(touchline.__file__).with_name("sample.jsonl")
UNTIL = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000)
"""Long after the sample's last line, as it is when the demo runs."""
WIDTH = 80


def test_its_lines_stand_in_the_report_in_their_order(chdb: Engine) -> None:
    migrate(chdb)
    store(chdb, SAMPLE, UNTIL, ["region", "product"], with_identities=True)

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        lines = chdb.query(sql, parameters, "JSONEachRow").splitlines()
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]

    findings = read_findings(ask)
    page = page_of(lambda console: print_report(findings, console, []), WIDTH)
    shown = re.search(r"^```\n(What came in ─+\n(?s:.*?))^```$", README.read_text("utf-8"), re.MULTILINE)
    assert shown
    told = shown[1].splitlines()

    rest = iter([line.rstrip() for line in page.splitlines()])
    assert [line for line in told if line not in rest] == []
    assert len(told) > 40
