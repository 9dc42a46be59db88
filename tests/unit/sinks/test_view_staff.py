"""The view of staff says of each agent what calls and cases do, worked out a second time."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median, variance
from zoneinfo import ZoneInfo

import pytest

from tests.contract.engine import Engine
from tests.oracle.groups import group_of, share_interval
from tests.oracle.staff import observations
from tests.oracle.touchpoints import DAY, HOUR, MINUTE, PHASES
from tests.unit.sinks.made_up import MadeUp, Row, play, rows_of

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp() * 1000)
DURATIONS = {"handling_time", "hold_time"}
SHARES = {"transferred", "resolved", "first_contact_resolution"}
COUNTS = {"calls_handled", "cases_solved"}
Z = 1.959963984540054


class Floor(MadeUp):
    """Makes up what staff do and what customers do then."""

    def call(self, customer: str) -> None:
        at, call_id = self.start(), f"c-{self.random.randrange(400)}"
        phases = ["queued"] * self.random.choice((0, 1, 1)) + ["answered"] * self.random.choice((0, 1, 1, 1))
        phases += self.random.choices(PHASES["support_call"][:-1], k=self.random.randint(0, 6))
        phases += ["ended"] * self.random.choice((0, 1, 1, 1))
        if self.random.random() < 0.1:
            self.random.shuffle(phases)
        for phase in phases:
            agent = self.random.choice((None, "", "eli", "eli", "eli", "mia", "jon"))
            resolved = self.random.choice((None, True, False)) if phase == "ended" else None
            self.add("support_call", at, customer, call_id=call_id, phase=phase, agent_id=agent, resolved=resolved)
            # An answer of the moment in which a call is passed on to a queue says not which wait it ends.
            at = self.later(at, 10 * MINUTE) + 1 if phase in {"queued", "transferred"} else self.later(at, 10 * MINUTE)

    def case(self, customer: str) -> None:
        at, case_id = self.start(), f"t-{self.random.randrange(150)}"
        phases = ["opened", *self.random.choices(PHASES["case_event"], k=self.random.randint(0, 6))]
        for phase in phases + ["resolved"] * self.random.randint(0, 1):
            by, owner = self.random.choice(("customer", "agent", "bot")), self.random.choice((None, "", "mia", "jon"))
            self.add("case_event", at, customer, case_id=case_id, phase=phase, by=by, owner=owner)
            at = self.later(at, 5 * DAY)

    def feel(self, customer: str) -> None:
        at = self.start()
        if self.random.random() < 0.5:
            self.add("page_view", at, customer, page="/", ok=self.random.random() < 0.3)
        else:
            post, rating = f"p-{len(self.lines)}", self.random.choice((None, 1, 4, 5))
            self.add("tweet", at, customer, post_id=post, text="", platform="reviews", rating=rating)


def test_whatever_staff_do_is_shown_by_agent_and_month(chdb: Engine, tmp_path: Path) -> None:
    floor = Floor(seed=5, first=FIRST, days=45)
    for number in range(150):
        floor.call(f"c{number % 30}")
        floor.feel(f"c{number % 40}")
        if number % 2:
            floor.case(f"c{number % 30}")
    world = play(chdb, tmp_path, floor.lines, "Asia/Kolkata")
    expected: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for metric, agent, at, amount in observations(world):
        local = datetime.fromtimestamp(at / 1000, ZoneInfo("Asia/Kolkata"))
        month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        expected[metric, f"{month:%Y-%m-%d %H:%M:%S.000}", agent].append(amount)
    found = {(row["metric"], row["month"], row["agent"]): row for row in rows_of(chdb, "SELECT * FROM staff")}

    assert {metric for metric, _, _ in expected} == DURATIONS | SHARES | COUNTS | {"holds", "experience_after"}
    assert found.keys() == expected.keys()
    for key, amounts in expected.items():
        row, is_duration = found[key], key[0] in DURATIONS
        assert int(row["n"]) == len(amounts), key
        assert row["numerator"] == pytest.approx(sum(amounts)), key
        assert row["value"] == pytest.approx(len(amounts) if key[0] in COUNTS else fmean(amounts)), key
        assert row["p50"] == (pytest.approx(median(amounts)) if is_duration else None), key
        assert (row["p90"] is not None) == is_duration, key
        # Of five experiences and more there is one where they are those of enough customers.
        may_have_one = key[0] in SHARES or (key[0] == "experience_after" and len(amounts) >= 5)
        assert (row["ci_low"] is None) == (row["ci_high"] is None), key
        assert row["ci_low"] is None if not may_have_one else key[0] not in SHARES or row["ci_low"] is not None, key
        assert row["enough"] == (len(amounts) >= 30), key
    assert {row["enough"] for row in found.values()} == {True, False}
    assert [key for key, row in found.items() if key[0] == "experience_after" and row["ci_low"] is not None]


def by_metric(chdb: Engine, agent: str) -> dict[str, Row]:
    return {row["metric"]: row for row in rows_of(chdb, f"SELECT * FROM staff WHERE agent = '{agent}'")}


def test_a_call_that_is_passed_on_is_each_agents_for_their_part(chdb: Engine, tmp_path: Path) -> None:
    call = {"kind": "support_call", "source": "s", "customer_id": "c", "call_id": "1"}
    told = [
        (0, "queued", None),
        (20, "answered", "eli"),
        (50, "held", "eli"),
        (80, "resumed", "eli"),
        # Who waits for the second agent waits on nobody.
        (100, "transferred", "eli"),
        (100, "queued", None),
        (400, "answered", "mia"),
        (460, "ended", "mia"),
    ]
    lines: list[Row] = [
        {**call, "event_id": f"{place}", "occurred_at": FIRST + second * 1000, "phase": phase}
        | ({"agent_id": agent} if agent else {})
        | ({"resolved": True} if phase == "ended" else {})
        for place, (second, phase, agent) in enumerate(told)
    ]
    review = {"kind": "tweet", "source": "s", "customer_id": "c", "text": "", "rating": 4}
    for day in (1, 2):
        at = FIRST + 460_000 + day * DAY
        lines.append({**review, "event_id": f"r{day}", "post_id": f"{day}", "occurred_at": at, "rating": 3 + day})
    play(chdb, tmp_path, lines)
    eli, mia = by_metric(chdb, "eli"), by_metric(chdb, "mia")

    assert {name: row["value"] for name, row in eli.items()} == {
        "calls_handled": 1, "handling_time": 80, "holds": 1, "hold_time": 30, "transferred": 1, "experience_after": 0.5,
    }  # fmt: skip
    assert {name: row["value"] for name, row in mia.items()} == {
        "calls_handled": 1, "handling_time": 60, "holds": 0, "hold_time": 0, "transferred": 0, "resolved": 1,
        "experience_after": 0.5,
    }  # fmt: skip


def test_what_a_customer_does_within_seven_days_speaks_of_who_solved_their_case(chdb: Engine, tmp_path: Path) -> None:
    lines: list[Row] = []
    solved = [("agent", 7 * DAY, 5), ("agent", 7 * DAY + 1, 1), ("bot", HOUR, 1), ("customer", HOUR, 2)]
    for number, (by, later, rating) in enumerate(solved):
        case = {
            "kind": "case_event",
            "source": "s",
            "customer_id": f"c{number}",
            "case_id": f"{number}",
            "owner": "mia",
        }
        lines += [
            {**case, "event_id": f"o{number}", "phase": "opened", "by": "customer", "occurred_at": FIRST},
            {**case, "event_id": f"r{number}", "phase": "resolved", "by": by, "occurred_at": FIRST + HOUR},
            # Said again, a solution is no praise.
            {**case, "event_id": f"s{number}", "phase": "resolved", "by": "agent", "occurred_at": FIRST + HOUR + 1},
            {"kind": "tweet", "source": "s", "customer_id": f"c{number}", "event_id": f"t{number}", "text": "",
             "post_id": f"{number}", "rating": rating, "occurred_at": FIRST + HOUR + later},
        ]  # fmt: skip
    play(chdb, tmp_path, lines)
    mia = by_metric(chdb, "mia")

    # Five stars are 1, two -0.5; one came too late, and one customer was served by a bot.
    assert (int(mia["experience_after"]["n"]), mia["experience_after"]["value"]) == (2, 0.25)
    assert (int(mia["cases_solved"]["n"]), mia["cases_solved"]["enough"]) == (3, False)


def test_calls_of_one_customer_count_as_alike(chdb: Engine, tmp_path: Path) -> None:
    lines: list[Row] = []
    for number in range(12):
        call = {
            "kind": "support_call",
            "source": "s",
            "customer_id": f"c{number % 3}",
            "call_id": f"{number}",
            "agent_id": "eli",
        }
        at = FIRST + number * HOUR
        lines += [
            {**call, "event_id": f"a{number}", "phase": "answered", "occurred_at": at},
            {
                **call,
                "event_id": f"e{number}",
                "phase": "ended",
                "resolved": number % 3 > 0,
                "occurred_at": at + MINUTE,
            },
        ]
    play(chdb, tmp_path, lines)
    resolved = by_metric(chdb, "eli")["resolved"]

    # Of three customers' calls one's were never resolved: no two of them lie in one group.
    judged = [(f"c{number % 3}", float(number % 3 > 0)) for number in range(12)]
    assert len({group_of(name) for name, _ in judged}) == 3
    assert (resolved["ci_low"], resolved["ci_high"]) == pytest.approx(share_interval(judged), abs=1e-9)


def test_intervals_of_staff_are_those_of_wilson_and_student(chdb: Engine, tmp_path: Path) -> None:
    lines: list[Row] = []
    ratings = [5, 4, 2, 1, 3]
    for number, rating in enumerate(ratings):
        call = {
            "kind": "support_call",
            "source": "s",
            "customer_id": f"c{number}",
            "call_id": f"{number}",
            "agent_id": "eli",
        }
        lines += [
            {**call, "event_id": f"a{number}", "phase": "answered", "occurred_at": FIRST},
            {**call, "event_id": f"e{number}", "phase": "ended", "resolved": number < 3, "occurred_at": FIRST + MINUTE},
            {"kind": "tweet", "source": "s", "customer_id": f"c{number}", "event_id": f"t{number}", "text": "",
             "post_id": f"{number}", "rating": rating, "occurred_at": FIRST + HOUR},
        ]  # fmt: skip
    play(chdb, tmp_path, lines)
    eli = by_metric(chdb, "eli")
    scores = [(rating - 3) / 2 for rating in ratings]
    # Student's quantile for 97.5 % and four degrees of freedom, as tables give it.
    margin = 2.776 * (variance(scores) / 5 + 2 * (0.5 / 5) ** 2) ** 0.5
    centre, spread = (3 + Z * Z / 2) / (5 + Z * Z), Z / (5 + Z * Z) * (3 * 2 / 5 + Z * Z / 4) ** 0.5

    assert eli["resolved"]["ci_low"] == pytest.approx(centre - spread)
    assert eli["resolved"]["ci_high"] == pytest.approx(centre + spread)
    assert eli["experience_after"]["ci_low"] == pytest.approx(max(-1, fmean(scores) - margin), rel=1e-3)
    assert eli["experience_after"]["ci_high"] == pytest.approx(min(1, fmean(scores) + margin), rel=1e-3)
