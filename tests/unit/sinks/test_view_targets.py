"""Targets stand beside the figures that they are for, as the last migration has set them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sinks.migrate import Declared, migrate
from tests.contract.engine import Engine
from tests.unit.sinks.made_up import Row, play, rows_of

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp() * 1000)


def lines() -> list[Row]:
    """Return a case that was answered and a call that was."""
    case = {"kind": "case_event", "source": "s", "customer_id": "c", "case_id": "t"}
    call = {"kind": "support_call", "source": "s", "customer_id": "c", "call_id": "7"}
    return [
        {**case, "event_id": "e1", "phase": "opened", "by": "customer", "occurred_at": FIRST},
        {**case, "event_id": "e2", "phase": "resolved", "by": "agent", "occurred_at": FIRST + 1000},
        {**call, "event_id": "e3", "phase": "queued", "occurred_at": FIRST},
        {**call, "event_id": "e4", "phase": "answered", "occurred_at": FIRST + 1000},
    ]


def shown(chdb: Engine, view: str) -> dict[str, Any]:
    found = rows_of(chdb, f"SELECT DISTINCT metric, target FROM {view}")
    assert len({row["metric"] for row in found}) == len(found)
    return {row["metric"]: row["target"] for row in found}


def test_a_target_stands_beside_its_figures_and_nowhere_else(chdb: Engine, tmp_path: Path) -> None:
    play(chdb, tmp_path, lines())
    cases, rolling = shown(chdb, "case_metrics"), shown(chdb, "rolling_metrics")

    assert cases.pop("answered_in_24h") == 0.9
    assert rolling.pop("service_level") == 0.8
    assert set(cases.values()) == set(rolling.values()) == {None}


def test_a_business_has_its_own_targets_until_it_takes_them_back(chdb: Engine, tmp_path: Path) -> None:
    play(chdb, tmp_path, lines(), declared=Declared(targets={"first_contact_resolution": 0.75}))
    own = shown(chdb, "targets"), shown(chdb, "case_metrics")["answered_in_24h"]
    migrate(chdb)

    assert own == ({"first_contact_resolution": 0.75}, None)
    assert shown(chdb, "targets") == {"answered_in_24h": 0.9, "service_level": 0.8, "follow_ups_in_time": 0.9}
