"""Every alert fires in a real Prometheus in its own time after its cause has begun, and stops after that has gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.servers.alert_bench import EARLY_S, Expected, Seen, measured, slack_s
from tests.servers.alert_rules import load_rules, names_of
from tests.servers.alert_scenarios import SCENARIOS
from tests.servers.fixtures import StartPrometheus

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
FACTOR = 20
"""An hour is three minutes: a scrape may take as long as the time between two, 0.75 s."""
EXPECTED = {expected.alert: expected for scenario in SCENARIOS for expected in scenario.expected}


def wrong_times(seen: dict[str, Seen], factor: float) -> dict[str, Seen]:
    """Return the alerts that did not fire or stop in their time."""
    return {alert: times for alert, times in seen.items() if not in_time(EXPECTED[alert], times, slack_s(factor))}


def in_time(expected: Expected, seen: Seen, slack: float) -> bool:
    """Return whether an alert fired and stopped in its time."""
    if seen.fired_s is None or seen.stopped_s is None:
        return False
    fired = expected.fires_s - EARLY_S <= seen.fired_s <= expected.fires_s + slack
    return fired and seen.stopped_s <= expected.stops_s + slack


def test_every_alert_has_its_scenario() -> None:
    alerts = names_of(load_rules())

    assert set(alerts) - set(EXPECTED) == set(), "add a scenario to tests/servers/alert_scenarios.py"
    assert set(EXPECTED) - set(alerts) == set(), "there is no such alert"


@pytest.mark.parametrize("expected", EXPECTED.values(), ids=EXPECTED)
def test_the_page_for_operators_says_how_soon_an_alert_fires_and_stops(expected: Expected) -> None:
    row = re.compile(rf"\| \[{expected.alert}\]\S+ \| (.+?) \| .+? \| (.+?) \|")

    assert row.findall(PAGE.read_text("utf-8")) == [(in_words(expected.fires_s), in_words(expected.stops_s))]


def in_words(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds else "at once"


@pytest.mark.prometheus
def test_every_alert_fires_in_its_time_and_stops(start_prometheus: StartPrometheus, tmp_path: Path) -> None:
    seen = measured(SCENARIOS, FACTOR, start_prometheus, tmp_path)

    assert wrong_times(seen, FACTOR) == {}
