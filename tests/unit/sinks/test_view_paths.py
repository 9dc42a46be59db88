"""The view of paths says where visits to the site end, worked out a second time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.contract.engine import Engine
from tests.oracle.paths import Solution, Visit, paths
from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.sinks.made_up import MadeUp, Row, play, rows_of

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp() * 1000)
Z = 1.959963984540054


class Site(MadeUp):
    """Makes up visits, some of them longer than a day, and what customers ask."""

    def visit(self, customer: str, views: int, pauses: Sequence[int] = (0, 1, 30, 30)) -> None:
        rnd, at = self.random, self.start()
        for _ in range(views):
            area = rnd.choice((None, "shop", "help"))
            self.add(
                "page_view", at, customer, page=f"/{rnd.randrange(4)}", area=area,
                action=rnd.choice((None, "search", "download")), ok=rnd.choice((None, None, False)),
            )  # fmt: skip
            # A millisecond more, at times, and the session is over.
            at += rnd.choice(pauses) * MINUTE + (rnd.random() < 0.05)

    def ask(self, customer: str) -> None:
        rnd, at = self.random, self.start()
        if rnd.random() < 0.3:
            self.add("support_call", at, customer, call_id=f"c-{len(self.lines)}", phase="queued")
            return
        case_id = f"t-{len(self.lines)}"
        for _ in range(rnd.randint(1, 5)):
            phase = rnd.choice(("opened", "updated", "resolved", "closed"))
            self.add("case_event", at, customer, case_id=case_id, phase=phase, by=rnd.choice(("customer", "agent")))
            at = self.later(at, 3 * DAY)


def mean(values: Sequence[float]) -> Any:
    return pytest.approx(fmean(values)) if values else None


def test_whatever_customers_do_on_the_site_is_shown_by_step_and_month(chdb: Engine, tmp_path: Path) -> None:
    site = Site(seed=7, first=FIRST, days=20)
    for number in range(120):
        site.visit(f"c{number % 20}", number % 9)
        if number % 30 == 0:
            site.visit(f"c{number % 20}", 120, pauses=(24, 24, 26))
        site.ask(f"c{number % 20}")
    world = play(chdb, tmp_path, site.lines, "Asia/Kolkata")
    visits: dict[tuple[str, str, str], list[Visit]] = defaultdict(list)
    solutions: dict[tuple[str, str, str], list[Solution]] = defaultdict(list)
    for history in world.people.values():
        for one in paths(history.touches):
            local = datetime.fromtimestamp(one.at / 1000, ZoneInfo("Asia/Kolkata"))
            month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
            key = (f"{month:%Y-%m-%d %H:%M:%S.000}", *one.step)
            if isinstance(one, Visit):
                visits[key].append(one)
            else:
                solutions[key].append(one)
    found = {(row["month"], row["area"], row["page"]): row for row in rows_of(chdb, "SELECT * FROM paths")}

    assert found.keys() == visits.keys()
    assert sum(map(len, solutions.values())) > 50
    names = ("sessions", "went_on", "failed", "searched", "searched_again", "contacted", "solved")
    for key, of_one in visits.items():
        row, solved = found[key], solutions[key]
        counts = [
            len(of_one), sum(visit.went_on for visit in of_one), sum(visit.failed for visit in of_one),
            sum(visit.searches > 0 for visit in of_one), sum(visit.searches > 1 for visit in of_one),
            sum(visit.contacted for visit in of_one), len(solved),
        ]  # fmt: skip
        assert dict(zip(names, counts, strict=True)) == {name: int(row[name]) for name in names}, key
        assert row["drop_off"] == pytest.approx(1 - counts[1] / counts[0]), key
        seconds = [one.seconds for one in solved]
        assert row["solution_seconds_p50"] == (pytest.approx(median(seconds)) if seconds else None), key
        assert row["attempts_mean"] == mean([one.attempts for one in solved]), key
        assert row["enough"] == (len(of_one) >= 30), key
    assert {row["enough"] for row in found.values()} == {True, False}


def test_a_customer_who_finds_no_help_asks_and_the_time_counts_from_the_first_visit(
    chdb: Engine, tmp_path: Path
) -> None:
    view = {"kind": "page_view", "source": "s", "customer_id": "c", "area": "help"}
    told = [(0, "/find", "search", False), (1, "/find", "search", True), (2, "/returns", "view", True)]
    told += [(24 * 60, "/find", "search", True), (24 * 60 + 30, "/find", "view", True)]
    lines: list[Row] = [
        {
            **view,
            "event_id": f"v{minute}",
            "occurred_at": FIRST + minute * MINUTE,
            "page": page,
            "action": action,
            "ok": ok,
        }
        for minute, page, action, ok in told
    ]
    case = {"kind": "case_event", "source": "s", "customer_id": "c", "case_id": "t"}
    lines += [
        # What was solved before the customer asked is no solution of theirs.
        {**case, "event_id": "n", "phase": "resolved", "by": "agent", "occurred_at": FIRST + 25 * HOUR},
        {**case, "event_id": "o", "phase": "opened", "by": "customer", "occurred_at": FIRST + 26 * HOUR},
        {**case, "event_id": "r", "phase": "resolved", "by": "agent", "occurred_at": FIRST + 50 * HOUR},
    ]
    play(chdb, tmp_path, lines)
    found = {row["page"]: row for row in rows_of(chdb, "SELECT * FROM paths WHERE area = 'help'")}
    find, returns = found["/find"], found["/returns"]
    # Of two sessions of one customer one ended there: Wilson's interval of one by hand.
    half = Z / (1 + Z * Z) * (1 / 4 + Z * Z / 4) ** 0.5

    assert [int(find[name]) for name in ("sessions", "went_on", "failed", "searched", "searched_again")] == [
        2,
        1,
        1,
        2,
        1,
    ]
    assert (find["drop_off"], find["ci_low"], find["ci_high"]) == (
        0.5, pytest.approx(0.5 - half), pytest.approx(0.5 + half),
    )  # fmt: skip
    # Only the second visit is within a day of the case; the time counts from the first.
    assert (int(find["contacted"]), find["solution_seconds_p50"], find["attempts_mean"]) == (1, 50 * 3600, 2)
    assert (int(returns["contacted"]), int(returns["solved"]), returns["attempts_mean"]) == (0, 0, None)
    assert (int(found[""]["sessions"]), int(found[""]["went_on"])) == (2, 0)


def test_a_session_that_goes_on_is_cut_every_24_hours(chdb: Engine, tmp_path: Path) -> None:
    view = {"kind": "page_view", "source": "s", "customer_id": "c", "page": "/"}
    lines: list[Row] = [
        {**view, "event_id": f"v{n:03}", "occurred_at": FIRST + n * 20 * MINUTE} for n in range(48 * 3 + 1)
    ]
    play(chdb, tmp_path, lines)
    rows = rows_of(
        chdb, "SELECT toUnixTimestamp64Milli(reached_at) AS at FROM session_steps WHERE page = '/' ORDER BY at"
    )

    assert [int(row["at"]) for row in rows] == [FIRST, FIRST + DAY, FIRST + 2 * DAY]
