"""Where anonymous profiles live for a month only, every row is what an oracle works out, whatever the crashes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.journeys.partition import CUSTOMER
from tests.contract.engine import Engine
from tests.integration.kept import VIEWS
from tests.oracle import histories
from tests.oracle.compare import differences
from tests.oracle.nasty import Nasty
from tests.oracle.owners import identities
from tests.oracle.touchpoints import moment
from tests.simulation import arrivals as simulated
from tests.simulation.arrivals import DAY, as_log, delayed
from tests.simulation.journeys_log import Changelog, end_of_time, process_with_crashes
from tests.unit.journeys.test_removal_figures import NOW, accepted, of_one_name, rows_of

pytestmark = pytest.mark.embedded

LIFE = 31 * DAY
RULES = replace(simulated.RULES, profile_retention_ms=LIFE)
SEED = 3


def test_every_row_is_what_the_profiles_hold(chdb: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "LIFE", LIFE)
    lines = [of_one_name(line) for line in Nasty(seed=SEED, now=NOW).lines() if identities(line)]
    changelog = Changelog()
    # The last tick is for the tombstones: they follow the position.
    log = [*as_log(delayed(accepted(lines), SEED, 2 * DAY)), end_of_time(2 * NOW)]
    tables = process_with_crashes(log, RULES, SEED, crashes=40, changelog=changelog)
    for table, rows in tables.rows.items():
        chdb.write(table, [tuple(row.values()) for row in rows.values()])

    views = {view: rows_of(chdb, view) for view in VIEWS}
    (clock,) = rows_of(chdb, "clocks")

    assert differences(lines, views, moment(clock["time"]) or 0)[:20] == []
    kept = {key[1:].decode() for key, value in changelog.latest().items() if key[:1] == CUSTOMER and value}
    assert kept == {
        row["customer_id"]
        for row in views["customers"]
        if row["open_cases"] or not row["customer_id"].startswith("anon:")
    }
    returned = [row for row in views["customers"] if row["customer_id"].startswith("anon:")]
    began = {row["customer_id"]: row["started_at"] for row in reversed(views["journeys"])}
    assert any(row["first_seen_at"] > began[row["customer_id"]] for row in returned), "nobody came back"
