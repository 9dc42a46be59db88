"""Every alert fires and stops in its time, with the rules as they are: no time in them is divided."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.integration.test_alerts import wrong_times
from tests.servers.alert_bench import Seen, measured
from tests.servers.alert_scenarios import SCENARIOS
from tests.servers.fixtures import StartPrometheus


def table(seen: dict[str, Seen]) -> str:
    """Return when each alert fired and stopped, in Markdown."""
    rows = (f"| `{alert}` | {_told(one.fired_s)} | {_told(one.stopped_s)} |" for alert, one in seen.items())
    return "\n".join(["", *rows, ""])


def _told(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


@pytest.mark.chaos
@pytest.mark.prometheus
@pytest.mark.skipif("CHAOS_ALERTS" not in os.environ, reason="takes 33 minutes: make chaos")
def test_every_alert_fires_in_its_time_and_stops(
    start_prometheus: StartPrometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = measured(SCENARIOS, 1, start_prometheus, tmp_path)

    # What docs/operating.md#how-soon-they-fire-and-stop has.
    with capsys.disabled():
        sys.stdout.write(table(seen))
    assert wrong_times(seen, 1) == {}
