"""What leads customers to ask, and what turned them, held against what the simulator says that it has planted."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import touchline
from sinks.migrate import migrate
from tests.contract.engine import Engine
from tests.unit.played_lines import store
from tests.unit.sinks.made_up import Row, rows_of
from tests.unit.test_docs import METRICS, fenced, section
from touchline.simulate import write_simulation

pytestmark = pytest.mark.embedded

SAMPLE = Path(touchline.__file__).with_name("sample.jsonl")
UNTIL = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp() * 1000)
"""Long after all that is simulated."""
WELL = (
    ("case_event:updated", False, "visit", "done"), ("case_event:eta_given", False, "topic", "upgrade"),
    ("page_view:view", False, "page", "/guide/brewing"), ("page_view:pay", False, "page", "/portal/invoices"),
    ("tweet:brand", False, "notice", "opening"),
)  # fmt: skip
"""What the view calls the same steps done well."""
(QUERY,) = [query for query in fenced(section(METRICS, "## Causes"), "sql") if "FROM contact_causes" in query]
"""The ten steps that lead to calls most surely, as docs/metrics.md asks for them."""


def simulated(chdb: Engine, folder: Path, seed: int) -> Row:
    """Store a month of a shop with 200 mishaps; return its truth."""
    file = folder / "shop.jsonl"
    write_simulation(250, 30, seed, file, mishaps=200)
    return stored(chdb, file)


def stored(chdb: Engine, file: Path) -> Row:
    migrate(chdb)
    store(chdb, file, UNTIL, ())
    truth: dict[str, Any] = json.loads(file.with_suffix(".truth.json").read_text("utf-8"))
    return truth


@pytest.mark.parametrize("seed", [11, 12])
def test_each_step_that_the_simulator_botches_is_a_cause_and_none_that_is_done_well(
    chdb: Engine, tmp_path: Path, seed: int
) -> None:
    truth = simulated(chdb, tmp_path, seed)
    rows = rows_of(chdb, "SELECT * FROM contact_causes WHERE leads_to = 'call'")
    found = {row_of(row): row for row in rows}
    planted = Counter(named(one) for one in truth["mishaps"])
    called = Counter(named(one) for one in truth["mishaps"] if one["led_to"] == "call")

    assert len(planted) == 5
    for step, number in planted.items():
        row = found[step]
        assert row["difference_low"] > 0, row
        # Two of one customer's may be on one day. Some would have called anyway.
        assert called[step] - 1 <= int(row["counted"]) <= int(row["n"]) <= number
    top = [row_of(row) for row in rows_of(chdb, QUERY)]
    assert set(top) >= planted.keys()
    assert top[0] in planted
    for step in WELL:
        row = found[step]
        assert int(row["n"]) > 50
        assert row["difference_low"] < 0, row


def row_of(row: Row) -> tuple[str, bool, str, str]:
    return row["step"], bool(row["failed"]), row["detail"], row["detail_value"]


def named(mishap: Row) -> tuple[str, bool, str, str]:
    return mishap["step"], mishap["failed"], mishap["detail"], mishap["detail_value"]


def check_causes(chdb: Engine, truth: Row) -> None:
    rows = rows_of(chdb, "SELECT customer_id, direction, onset_event_id, cause_event_id FROM sentiment_shifts")
    causes = {(row["customer_id"], row["direction"], row["onset_event_id"]): row["cause_event_id"] for row in rows}
    found = [
        (causes[key], turn["cause_event_id"])
        for turn in truth["mood_turns"]
        if (key := (turn["customer_id"], turn["direction"], turn["onset_event_id"])) in causes
    ]
    assert len(found) >= 30
    assert sum(told == planted for told, planted in found) >= 0.9 * len(found)


def test_what_turned_nine_in_ten_customers_is_what_the_simulator_let_turn_them(chdb: Engine, tmp_path: Path) -> None:
    """In the sample, and in another shop, where mishaps come in between."""
    check_causes(chdb, stored(chdb, SAMPLE))
    check_causes(chdb, simulated(chdb, tmp_path, 11))
