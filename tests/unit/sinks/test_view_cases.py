"""Views of cases say what touchpoints do, worked out a second time, and business hours what a clock on a wall does."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typing_extensions import override

from schemas.calendars import read_calendars
from sinks.migrate import Declared
from tests.contract.engine import Engine
from tests.oracle.cases import by_key, case_observations, cases
from tests.oracle.groups import share_interval
from tests.oracle.touchpoints import DAY, PHASES
from tests.unit.sinks.made_up import MadeUp, play, rows_of

pytestmark = pytest.mark.embedded

MINUTE = 60_000
FIRST = int(datetime(2025, 10, 5, tzinfo=UTC).timestamp() * 1000)
TIMES = ("opened_at", "first_response_at", "first_resolved_at", "resolved_at", "as_of")
CALENDARS = """
[[calendar]]
name = "desk"
time_zone = "Europe/Berlin"
hours.monday = ["09:00-12:30", "13:30-17:00"]
hours.wednesday = ["09:00-17:00"]
hours.friday = ["09:00-15:00"]
hours.saturday = ["22:00-24:00"]
holidays = [2025-12-26]
special.2025-12-24 = ["09:00-10:00"]
sources = ["desk"]

[[calendar]]
name = "others"
time_zone = "America/New_York"
hours.tuesday = ["08:00-20:00"]
hours.sunday = ["00:00-24:00"]
"""


Cases = dict[tuple[Any, ...], dict[str, Any]]


def shown(chdb: Engine) -> Cases:
    rows = rows_of(chdb, "SELECT * FROM cases")
    for row in rows:
        for name in TIMES:
            if row[name] is not None:
                row[name] = int(datetime.fromisoformat(row[name] + "+00:00").timestamp() * 1000 + 0.5)
    return by_key(rows)


class Worked:
    """Business hours as somebody counts them who looks at the clock on the wall every minute."""

    def __init__(self, first: int, last: int) -> None:
        self._first = first
        self._counted = {
            source: [0, *accumulate(is_open(source, minute) for minute in range(first, last, MINUTE))]
            for source in ("desk", "others")
        }

    def __call__(self, source: str, start: int, end: int) -> int:
        return self._until(source, end) - self._until(source, start)

    def _until(self, source: str, moment: int) -> int:
        of = source if source == "desk" else "others"
        minute, rest = divmod(moment - self._first, MINUTE)
        return self._counted[of][minute] * MINUTE + rest * is_open(of, moment)


def is_open(source: str, moment: int) -> bool:
    zone = ZoneInfo("Europe/Berlin" if source == "desk" else "America/New_York")
    local = datetime.fromtimestamp(moment / 1000, UTC).astimezone(zone)
    day, clock = local.date().isoformat(), local.hour * 60 + local.minute
    if source != "desk":
        return (local.weekday() == 1 and 480 <= clock < 1200) or local.weekday() == 6
    if day == "2025-12-24":
        return 540 <= clock < 600
    if day == "2025-12-26":
        return False
    hours = {0: [(540, 750), (810, 1020)], 2: [(540, 1020)], 4: [(540, 900)], 5: [(1320, 1440)]}
    return any(opens <= clock < closes for opens, closes in hours.get(local.weekday(), []))


def difference(found: Cases, expected: Cases) -> list[str]:
    lines = [f"{key}: {'lacking' if key in expected else 'too many'}" for key in found.keys() ^ expected.keys()]
    for key in found.keys() & expected.keys():
        lines += [
            f"{key}.{name}: {found[key][name]} instead of {wanted}"
            for name, wanted in expected[key].items()
            if found[key][name] != (pytest.approx(wanted) if isinstance(wanted, float) else wanted)
        ]
    return lines


class Desk(MadeUp):
    """Makes up what happens to cases: anything, in any order, often at the very same time."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, FIRST, 177)

    def case(self, customer: str, case_id: str) -> None:
        rnd = self.random
        at = self.start()
        phases = ["opened"] * rnd.choice((0, 1, 1, 1, 1, 1))
        phases += rnd.choices(PHASES["case_event"], k=rnd.randint(0, 8))
        for phase in phases:
            by = rnd.choice(("customer", "agent", "agent", "bot"))
            eta = at + rnd.randint(-1, 5) * DAY if rnd.random() < 0.9 and phase == "eta_given" else None
            owner = rnd.choice((None, "mia", "jon"))
            self.add(
                "case_event", at, customer, rnd.choice(("desk", "desk", "chat")), case_id=case_id, phase=phase, by=by,
                owner=owner, eta_at=eta, topic=rnd.choice((None, "delivery", "billing")), complaint=rnd.random() < 0.1,
                channel=rnd.choice(("email", "chat", "portal")),
            )  # fmt: skip
            at = self._later(at)

    def call(self, customer: str, case_id: str | None) -> None:
        rnd = self.random
        at, call_id = self.start(), f"c-{len(self.lines)}"
        for phase in ("queued", "answered", "transferred", "answered", "ended")[: rnd.randint(1, 5)]:
            named = case_id if rnd.random() < 0.7 else None
            solutions = rnd.choice((None, 1, 2)) if phase == "ended" else None
            self.add(
                "support_call", at, customer, "telephony", call_id=call_id, phase=phase, case_id=named,
                solutions_offered=solutions,
            )  # fmt: skip
            at += rnd.randint(0, 10 * MINUTE)

    def post(self, customer: str, post_id: str) -> None:
        at = self.start()
        self.add("tweet", at, customer, "social", post_id=post_id, text="Where is it?", author="customer")
        for count in range(self.random.choice((0, 1, 1, 2))):
            at = self._later(at)
            reply = f"{post_id}-r{count}"
            self.add(
                "tweet", at, customer, "social", post_id=reply, text="We look.", author="brand", in_reply_to=post_id
            )

    @override
    def start(self) -> int:
        # Days on which clocks change are among them.
        day = self.random.choice((0, 1, 21, 22, 50, 56, 120, 150, 176))
        return FIRST + day * DAY + self.random.randrange(DAY)

    def _later(self, at: int) -> int:
        return at + self.random.choice((0, 0, 1, 3 * MINUTE, 7 * DAY + 1, self.random.randrange(12 * DAY)))


def test_whatever_is_done_about_cases_is_shown_as_it_was_done(chdb: Engine, tmp_path: Path) -> None:
    desk = Desk(seed=3)
    for number in range(200):
        customer = f"c{number % 40}"
        desk.case(customer, f"t-{number // 2}")
        desk.call(customer, f"t-{number // 2}" if number % 3 == 0 else None)
        desk.post(customer, f"p-{number}")
    world = play(chdb, tmp_path, desk.lines, declared=Declared(read_calendars(CALENDARS)))
    expected = by_key(cases(world, Worked(FIRST, world.clock + MINUTE)))

    assert {row["status"] for row in expected.values()} == {"open", "resolved", "closed", "answered"}
    assert difference(shown(chdb), expected) == []


WALLS = """
[[calendar]]
name = "over a change of clocks and a weekend"
time_zone = "Europe/Berlin"
hours.monday = ["09:00-17:00"]
hours.friday = ["09:00-17:00"]
sources = ["berlin"]

[[calendar]]
name = "over a holiday"
time_zone = "America/New_York"
hours.monday = ["09:00-17:00"]
hours.tuesday = ["09:00-17:00"]
hours.friday = ["09:00-17:00"]
holidays = [2026-05-25]
sources = ["new york"]

[[calendar]]
name = "at night, when clocks change"
time_zone = "Australia/Sydney"
hours.sunday = ["01:00-04:00"]
hours.monday = ["09:00-17:00"]
sources = ["sydney"]
"""


@pytest.mark.parametrize(
    ("source", "opened", "answered", "seconds", "business"),
    [
        # Friday 16:00 to 17:00, and Monday 9:00 to 10:00, an hour earlier in UTC.
        ("berlin", "2026-03-27T15:00:00Z", "2026-03-30T08:00:00Z", 65 * 3600, 2 * 3600),
        # Friday 16:30 to 17:00, Monday is Memorial Day, and Tuesday 9:00 to 9:45.
        ("new york", "2026-05-22T20:30:00Z", "2026-05-26T13:45:00Z", 89.25 * 3600, 1.25 * 3600),
        # Sunday 1:00 to 4:00 takes four hours, for two o'clock comes twice; and Monday 9:00 to 10:00.
        ("sydney", "2026-04-04T12:00:00Z", "2026-04-06T00:00:00Z", 36 * 3600, 5 * 3600),
        ("elsewhere", "2026-04-04T12:00:00Z", "2026-04-06T00:00:00Z", 36 * 3600, None),
    ],
)
def test_business_hours_are_those_of_the_wall(
    chdb: Engine,
    tmp_path: Path,
    source: str,
    opened: str,
    answered: str,
    seconds: float,
    business: float | None,
) -> None:
    case = {"kind": "case_event", "source": source, "customer_id": "c", "case_id": "t"}
    promise = {"phase": "eta_given", "by": "agent", "eta_at": "2026-06-02T00:00:00Z"}
    lines = [
        {**case, "event_id": "e1", "phase": "opened", "by": "customer", "occurred_at": opened},
        {**case, "event_id": "e2", "phase": "acknowledged", "by": "bot", "occurred_at": opened},
        {**case, "event_id": "e3", **promise, "occurred_at": answered},
    ]
    until = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000)
    play(chdb, tmp_path, lines, declared=Declared(read_calendars(WALLS)), until=until)
    (row,) = shown(chdb).values()

    assert (row["first_response_seconds"], row["first_response_business_seconds"]) == (seconds, business)
    assert (row["promised"], row["promises_kept"], row["promises_broken"]) == (1, 0, 0)


def test_case_metrics_add_up_what_cases_say(chdb: Engine, tmp_path: Path) -> None:
    desk = Desk(seed=8)
    for number in range(120):
        desk.case(f"c{number % 40}", f"t-{number}")
        desk.post(f"c{number % 40}", f"p-{number}")
    play(chdb, tmp_path, desk.lines, "Asia/Kolkata", Declared(read_calendars(CALENDARS)))
    found = {
        tuple(row[name] for name in ("metric", "grain", "bucket", "dimension", "dimension_value")): row
        for row in rows_of(chdb, "SELECT * FROM case_metrics")
    }
    expected = metrics_of(list(shown(chdb).values()), ZoneInfo("Asia/Kolkata"))

    assert len(expected) > 500
    assert found.keys() == expected.keys()
    for key, (amounts, times, undecided, judged) in expected.items():
        row, n = found[key], sum(times)
        assert (int(row["n"]), int(row["undecided"])) == (n, undecided), key
        assert row["value"] == (pytest.approx(sum(amounts) / n) if n else None), key
        is_duration = key[0].endswith(("_time", "_silence"))
        assert row["p50"] == (pytest.approx(median(amounts)) if n and is_duration else None), key
        ends = share_interval(judged) if key[0] in SHARES and n else (None, None)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(ends, abs=1e-9), key


SHARES = {"answered_in_24h", "first_contact_resolution", "reopened", "promises_kept"}
Observed = tuple[list[float], list[int], int, list[tuple[str, float]]]
"""Amounts, of how many observations each is, how many are to come, and whose each observation of a share is."""


def metrics_of(rows: list[dict[str, Any]], zone: ZoneInfo) -> dict[tuple[str, ...], Observed]:
    found: dict[tuple[str, ...], tuple[list[float], list[int], list[int], list[tuple[str, float]]]] = defaultdict(
        lambda: ([], [], [], [])
    )
    for row in rows:
        local = datetime.fromtimestamp(row["opened_at"] / 1000, zone)
        day = local.replace(hour=0, minute=0, second=0, microsecond=0)
        grains = {"1d": day, "1w": day - timedelta(days=local.weekday()), "1mo": day.replace(day=1)}
        dimensions = {name: row[name] for name in ("channel", "source", "topic", "owner") if row[name]}
        for metric, amount, times, undecided in case_observations(row):
            for grain, begins in grains.items():
                bucket = begins.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.000")
                for dimension in [("all", ""), *dimensions.items()]:
                    amounts, counted, waiting, judged = found[metric, grain, bucket, *dimension]
                    waiting.append(undecided)
                    if amount is not None and times:
                        amounts.append(amount)
                        counted.append(times)
                        judged += [(row["customer_id"], float(number < amount)) for number in range(times)]
    return {
        key: (amounts, counted, sum(waiting), judged)
        for key, (amounts, counted, waiting, judged) in found.items()
        if counted or sum(waiting)
    }
