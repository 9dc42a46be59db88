"""A real Prometheus with alerting rules, endpoints whose series a test controls, and a clock that may run faster.

Time is counted in the rules' own seconds: where all times of the rules are divided by a factor, a second passes that
much faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry

from servers.prometheus import Prometheus
from streams.runtime.health import HealthServer
from streams.runtime.metric import Role
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from tests.servers.alert_rules import load_rules, scaled, write_rules
from tests.servers.fixtures import StartPrometheus
from touchline.stack.ports import HOST, free_port

SCRAPE_S = 15
"""How often deploy/prometheus/prometheus.yml scrapes and evaluates."""
BEAT_S = 5
"""How often series change, and alerts are looked at."""
BASELINE_S = 120
"""For so long all is well at first."""
SLACK_S = 3 * SCRAPE_S
"""A scrape, an evaluation and a look may each be that late."""
EARLY_S = 2 * SCRAPE_S
"""So much sooner an alert may fire that asks what was in a time: the last samples of that lie before the cause."""
STARTS_WITHIN_S = 60.0
"""For so long Prometheus may take to scrape all endpoints for the first time, s of the wall clock."""
STALL_S = 5.0
"""For so long a busy machine may hold all of it up, s of the wall clock."""


ROLES: tuple[Role, ...] = ("worker", "sink")


class Endpoint:
    """A process as Prometheus sees it: it serves its metrics until it is stopped."""

    def __init__(self) -> None:
        self.telemetry, self.standing = Telemetry.on(CollectorRegistry()), Standing()
        for role in ROLES:
            self.telemetry.show(self.standing, role)
        self.port = free_port()
        self._server: HealthServer | None = None
        self.start()

    @property
    def target(self) -> str:
        """Where it is scraped."""
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        """Serve, unless it does."""
        if self._server is None:
            self._server = HealthServer(self.telemetry, self.standing, HOST, self.port)

    def stop(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
            self._server = None


class AlertBench:
    """The endpoints, by what they stand for.

    Args:
        factor: the rules' times were divided by it.

    Attributes:
        worker, sink: the only processes of their jobs, whose series nothing changes.
        first, second: two more processes, of a job of their own. Scenarios change their series, each its own.
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.worker, self.sink, self.first, self.second = (Endpoint() for _ in range(4))

    @property
    def jobs(self) -> dict[str, list[str]]:
        """What Prometheus scrapes, by job."""
        more = [self.first.target, self.second.target]
        return {"touchline-worker": [self.worker.target], "touchline-sink": [self.sink.target], "more": more}

    @property
    def interval_s(self) -> float:
        """How often it scrapes, s of the wall clock."""
        return SCRAPE_S / self.factor

    def length(self, seconds: float) -> float:
        """Return a length of the rules' time as a process would measure it now, s."""
        return seconds / self.factor

    def close(self) -> None:
        """Stop all endpoints."""
        for endpoint in (self.worker, self.sink, self.first, self.second):
            endpoint.stop()


Change = Callable[[AlertBench, float], None]
"""What happens to series every `BEAT_S`; it is told for how long it has been so, s, and 0 the first time."""


@dataclass(frozen=True)
class Expected:
    """An alert, as docs/operating.md promises it.

    Attributes:
        alert: its name.
        fires_s: how long after the cause began it fires, s.
        stops_s: how long after the cause has gone it stops, at the latest, s.
        labels: some labels that it has then.
    """

    alert: str
    fires_s: float
    stops_s: float
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """A cause, and the alerts that it raises. It lasts until all of them have fired.

    Attributes:
        expected: the alerts.
        wrong: what happens while there is the cause.
        well: what happens before and afterwards.
    """

    expected: tuple[Expected, ...]
    wrong: Change
    well: Change


@dataclass
class Seen:
    """When an alert fired and stopped, after its cause began and had gone, s of the rules' time; None: it did not."""

    fired_s: float | None = None
    stopped_s: float | None = None


class _Course:
    """A scenario under way."""

    def __init__(self, scenario: Scenario, bench: AlertBench) -> None:
        self.scenario = scenario
        self.seen = {expected.alert: Seen() for expected in scenario.expected}
        self._bench = bench
        self._change, self._begun = scenario.well, False
        self._since = self._last_beat = time.monotonic()

    def beat(self) -> None:
        """Change the series."""
        self._change(self._bench, self._elapsed_s if self._begun else 0)
        self._begun, self._last_beat = True, time.monotonic()

    def begin(self) -> None:
        """Bring the cause about; its time counts from when all was last well."""
        self._turn(self.scenario.wrong, self._last_beat)

    def look(self, firing: Sequence[dict[str, str]]) -> None:
        """Note which alerts fire; take the cause away when all have."""
        for expected in self.scenario.expected:
            seen = self.seen[expected.alert]
            wanted = {"alertname": expected.alert, **expected.labels}.items()
            fires = any(wanted <= labels.items() for labels in firing)
            if seen.fired_s is None and fires:
                seen.fired_s = self._elapsed_s
            elif self._change is self.scenario.well and seen.stopped_s is None and not fires:
                seen.stopped_s = self._elapsed_s
        if self._change is self.scenario.wrong and all(seen.fired_s is not None for seen in self.seen.values()):
            self._turn(self.scenario.well, time.monotonic())

    @property
    def overdue(self) -> bool:
        """Whether an alert should have fired, or stopped, before now."""
        raised = self._change is self.scenario.wrong
        limits = [one.fires_s if raised else one.stops_s for one in self.scenario.expected]
        return not self.over and self._elapsed_s > max(limits) + slack_s(self._bench.factor)

    @property
    def over(self) -> bool:
        """Whether all its alerts have fired and stopped."""
        return all(seen.stopped_s is not None for seen in self.seen.values())

    @property
    def _elapsed_s(self) -> float:
        return (time.monotonic() - self._since) * self._bench.factor

    def _turn(self, change: Change, since: float) -> None:
        self._change, self._since, self._begun = change, since, False
        self.beat()


def slack_s(factor: float) -> float:
    """Return how much later than promised an alert may be seen to fire and to stop, s of the rules' time."""
    return SLACK_S + STALL_S * factor


def drive(scenarios: Sequence[Scenario], bench: AlertBench, prometheus: Prometheus) -> dict[str, Seen]:
    """Bring all causes about at once, take each away when its alerts fire, and return what was seen of each alert.

    It ends when all have stopped, or something is overdue.
    """
    courses = [_Course(scenario, bench) for scenario in scenarios]
    until = time.monotonic() + bench.length(BASELINE_S)
    while time.monotonic() < until:
        _beat(courses, bench)
    early = {labels["alertname"] for labels in prometheus.firing()}
    assert not early, f"while all is well: {early}"
    for course in courses:
        course.begin()
    while not all(course.over or course.overdue for course in courses):
        firing = prometheus.firing()
        for course in courses:
            course.look(firing)
        _beat(courses, bench)
    return {alert: seen for course in courses for alert, seen in course.seen.items()}


def _beat(courses: Sequence[_Course], bench: AlertBench) -> None:
    for course in courses:
        course.beat()
    time.sleep(bench.length(BEAT_S))


def measured(scenarios: Sequence[Scenario], factor: float, start: StartPrometheus, folder: Path) -> dict[str, Seen]:
    """Run scenarios in a Prometheus with the project's rules, all times divided by a factor.

    Args:
        scenarios: run side by side.
        factor: divides also how often Prometheus scrapes and evaluates.
        start: starts Prometheus.
        folder: where the scaled rules are written.
    """
    bench = AlertBench(factor)
    try:
        rules = write_rules(scaled(load_rules(), factor), folder / "alerts.yml")
        prometheus = start(bench.jobs, [rules], bench.interval_s)
        # It looks for its targets only seconds after its start.
        prometheus.wait_for(f"count(up == 1) == {sum(map(len, bench.jobs.values()))}", STARTS_WITHIN_S)
        return drive(scenarios, bench, prometheus)
    finally:
        bench.close()
