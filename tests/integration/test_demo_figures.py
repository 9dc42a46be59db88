"""Every row of every view is held against an oracle that knows the input alone, and against the simulator's truth.

The oracle (tests/oracle) is written from the contract and shares no code with what it checks. It takes the
scores of texts and the shifts from the views, and checks whose words are scored and the values of each shift.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import touchline
from tests.integration import kept
from tests.integration.present import write_present
from tests.oracle import insight, service
from tests.oracle.compare import Views, World, differences
from tests.oracle.level_views import COMPARED
from tests.oracle.nasty import Nasty
from tests.oracle.nasty_faults import NastyFaults
from tests.oracle.nasty_people import NastyPeople
from tests.oracle.owners import identities, whose
from tests.oracle.touchpoints import ACTIONS, moment, read

pytestmark = pytest.mark.embedded

SAMPLE = Path(touchline.__file__).with_name("sample.jsonl")
BASIC_VIEWS = (*kept.VIEWS, "reconciliation", "clocks")
SUBJECTS = ("anon:case:", "anon:call:", "anon:post:")
SHOWN = 20
DAY_S = 86_400


@dataclass(frozen=True)
class Played:
    """The input lines, and the rows of all views."""

    lines: list[dict[str, Any]]
    views: Views
    database: Path

    @property
    def clock(self) -> int:
        """The time that the pipeline has reached, ms."""
        return min(moment(row["time"]) or 0 for row in self.views["clocks"])

    @property
    def different(self) -> list[str]:
        """The differences between the views and the lines."""
        return differences(self.lines, self.views, self.clock)

    @property
    def served(self) -> list[str]:
        """The differences between the views of service and of insight, and the lines."""
        touchpoints = self.views["touchpoints"]
        world = World.of(
            read(self.lines, {row["event_id"]: row["sentiment"] for row in touchpoints}), self.views, self.clock
        )
        topics = {row["event_id"]: row["topics"] for row in touchpoints}
        attributes = sorted({name for row in touchpoints for name in row["attributes"]})
        return [
            *service.differences(world, self.views, self.lines),
            *insight.differences(world, self.views, self.lines, topics, attributes),
        ]


def play(database: Path, lines: list[dict[str, Any]], *inputs: Path) -> Played:
    """Play lines; return the rows of the views of journeys and metrics, and of those of service and insight."""
    kept.demo(database, *inputs)
    views = kept.rows(database, *BASIC_VIEWS, *service.VIEWS, *insight.VIEWS)
    views |= kept.rows(database, *insight.LEVEL_VIEWS, where=COMPARED)
    return Played(lines, views, database)


def play_lines(folder: Path, lines: list[dict[str, Any]]) -> Played:
    """Play lines that are all valid; return the rows of the views of journeys and metrics."""
    file = folder / "lines.jsonl"
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    database = folder / "kept"
    kept.demo(database, file)
    played = Played(lines, kept.rows(database, *BASIC_VIEWS), database)
    assert kept.ask(played.database, "SELECT reason, detail FROM dead_letters") == []
    return played


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("sample") / "kept", kept.lines(SAMPLE))


def test_every_row_of_the_sample_is_what_its_lines_hold(sample: Played) -> None:
    assert sample.different[:SHOWN] == []
    assert sample.served[:SHOWN] == []
    # The sample is of last year: nobody stands anywhere, and nothing was said in the last 28 days.
    assert {name for name in (*service.VIEWS, *insight.VIEWS) if not sample.views[name]} == {"standing", "topic_trends"}


def test_every_row_of_a_shop_that_goes_on_now_is_what_its_lines_hold(tmp_path: Path) -> None:
    file = tmp_path / "present.jsonl"
    write_present(customers=50, days=70, seed=1, file=file)
    played = play(tmp_path / "kept", kept.lines(file), file)

    assert played.different[:SHOWN] == []
    assert played.served[:SHOWN] == []
    # Here each view says something, those of now, too.
    assert [name for name, rows in played.views.items() if not rows] == []
    assert {row["verdict"] for row in played.views["topic_trends"]} > {"too few to tell"}
    assert {row["stuck"] for row in played.views["standing"]} == {True, False}
    assert {row["loyalty_status"] for row in played.views["customers"]} >= {"active", "at_risk", "lapsed"}
    assert {row["direction"] for row in played.views["metric_anomalies"]} >= {"rise"}


def test_every_row_of_a_nasty_input_is_what_its_lines_hold(tmp_path: Path) -> None:
    played = play_lines(tmp_path, Nasty(seed=5, now=int(time.time() * 1000), towns=8).lines())

    assert played.different[:SHOWN] == []
    # Nothing of the above holds by there being nothing.
    assert {row["subject"] for row in played.views["abandonments"]} == {"cart", "checkout", "call", "hold", "survey"}
    assert {row["status"] for row in played.views["abandonments"]} == {"abandoned", "recovered"}
    outcomes = {row["outcome"] for row in played.views["journeys"]}
    assert outcomes == {"open", "purchased", "resolved", "abandoned", "unresolved", "visited"}
    assert {row["final"] for row in played.views["rolling_metrics"]} == {True, False}
    assert len({row["metric"] for row in played.views["rolling_metrics"]}) == 16
    turned = {row["customer_id"]: row["direction"] for row in played.views["sentiment_shifts"]}
    assert (turned["T1"], turned["T2"]) == ("worse", "better")
    status = {row["customer_id"]: row["status"] for row in played.views["customers"]}
    assert (status["T1"], status["T2"]) == ("lost", "inactive")


def test_every_row_of_an_input_full_of_faults_is_what_its_lines_hold(tmp_path: Path) -> None:
    today = int(time.time()) // DAY_S * DAY_S * 1000
    played = play_lines(tmp_path, NastyFaults(seed=7, now=today, people=160).lines())

    assert played.different[:SHOWN] == []
    # Nothing of the above holds by there being nothing.
    abandoned = played.views["abandonments"]
    assert {row["subject"] for row in abandoned} == {"cart", "checkout", "call", "hold", "survey"}
    assert {row["recovered_by"] for row in abandoned} == {"cart_id", "skus", "order", "completion", None}
    superseded = {row["kind"] for row in played.views["touchpoints"] if row["superseded"]}
    assert superseded == {"purchase", "survey_answer"}
    assert {row["currency"] for row in played.views["customers"]} == {"EUR", "USD", ""}
    assert {6.5, 8.5} <= {row["last_nps"] for row in played.views["customers"]}
    # Every answer of U1 is stated twice, and one bad answer of H1 four times: that is no shift.
    turned = {row["customer_id"]: row["direction"] for row in played.views["sentiment_shifts"]}
    assert turned["U1"] == "worse"
    assert "H1" not in turned


def test_every_row_of_people_who_come_as_several_identities_is_what_their_lines_hold(tmp_path: Path) -> None:
    today = int(time.time()) // DAY_S * DAY_S * 1000
    played = play_lines(tmp_path, NastyPeople(seed=11, now=today, people=160).lines())

    assert played.different[:SHOWN] == []
    # Nothing of the above holds by there being nothing.
    lines = {line["event_id"]: line for line in played.lines if line["kind"] in ACTIONS}
    stated = {event_id: whose(line) for event_id, line in lines.items() if identities(line)}
    shown = {row["event_id"]: row for row in played.views["touchpoints"]}
    moved = [shown[event_id] for event_id in stated if shown[event_id]["customer_id"] != stated[event_id]]
    nameless = [shown[event_id]["customer_id"] for event_id in lines.keys() - stated.keys()]
    assert sum(owner.startswith(SUBJECTS) for owner in nameless) < len(nameless) / 2
    assert {owner.split(":")[1] for owner in nameless if owner.startswith("anon:")} > {"case", "call", "post"}
    assert len(moved) > len(stated) / 4
    assert {row["kind"] for row in moved} == set(ACTIONS)
    turned = {row["customer_id"]: row["direction"] for row in played.views["sentiment_shifts"]}
    assert turned["S1"] == "worse"
    assert sum(row["customer_id"] == "S1" for row in moved) == 7
    abandoned = {row["subject"] for row in played.views["abandonments"] if not row["customer_id"].startswith("anon:")}
    assert abandoned == {"cart", "checkout", "call", "hold", "survey"}


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(SAMPLE.with_suffix(".truth.json").read_text())
    return told


def total(sample: Played, metric: str) -> tuple[float, float, float]:
    """Return a metric's n, numerator and denominator over all time."""
    rows = [
        row
        for row in sample.views["rolling_metrics"]
        if (row["metric"], row["grain"], row["dimension"]) == (metric, "1d", "all")
    ]
    n, numerator, denominator = (sum(row[part] for row in rows) for part in ("n", "numerator", "denominator"))
    return n, numerator, denominator


def test_the_sample_holds_as_much_as_its_simulator_made(sample: Played, truth: dict[str, Any]) -> None:
    kinds = Counter(row["kind"] for row in sample.views["touchpoints"])
    changes, spend = (
        kept.ask(sample.database, f"SELECT count() FROM {view}")[0][0]
        for view in ("business_changes", "marketing_spend")
    )
    # A change that is taken back is told of twice, and is one change.
    made = truth["kinds"]
    assert dict(kinds) == {kind: n for kind, n in made.items() if kind not in {"business_change", "marketing_spend"}}
    told = [line["change_id"] for line in sample.lines if line["kind"] == "business_change"]
    assert (int(changes), int(spend)) == (len(set(told)), made["marketing_spend"])

    subjects = Counter(row["subject"] for row in sample.views["abandonments"])
    recovered = Counter(row["subject"] for row in sample.views["abandonments"] if row["status"] == "recovered")
    converted = Counter(row["subject"] for row in sample.views["abandonments"] if row["recovered_by"] == "cart_id")
    carts, calls, surveys = truth["carts"], truth["calls"], truth["surveys"]
    assert subjects["cart"] + subjects["checkout"] == carts["abandoned"]
    assert subjects["checkout"] == carts["checkouts"]
    # Other orders of the same customers recover rows too; the simulator's orders name their carts.
    assert converted["cart"] + converted["checkout"] == carts["recovered"]
    assert (subjects["call"], subjects["hold"]) == (calls["abandoned_in_queue"], calls["abandoned_on_hold"])
    assert recovered["call"] + recovered["hold"] == calls["recovered"]
    assert (subjects["survey"], recovered["survey"]) == (surveys["abandoned"], surveys["recovered"])


def test_the_samples_metrics_are_those_its_simulator_counted(sample: Played, truth: dict[str, Any]) -> None:
    carts, calls, surveys, nps, money = (truth[part] for part in ("carts", "calls", "surveys", "nps", "revenue"))
    lost = carts["abandoned"] - carts["recovered"]
    assert total(sample, "cart_abandonment_rate") == (carts["created"], lost, carts["created"])
    assert total(sample, "call_abandonment_rate") == (calls["offered"], calls["abandoned_in_queue"], calls["offered"])
    assert total(sample, "speed_of_answer")[0] == total(sample, "hold_time")[0] == calls["answered"]
    reachable = calls["answered"] + calls["abandoned_after_20_s"]
    assert total(sample, "service_level") == (reachable, calls["answered_in_time"], reachable)
    given_up = (surveys["started"], surveys["abandoned"], surveys["started"])
    assert total(sample, "survey_abandonment_rate") == given_up
    assert total(sample, "nps") == (nps["answers"], nps["promoters"] - nps["detractors"], nps["answers"])
    assert total(sample, "orders")[0] == money["orders"]
    assert total(sample, "revenue")[1] == money["placed_minor"]
    assert total(sample, "refunds")[:2] == (money["refunds"], money["refunded_minor"])


def test_the_samples_customers_are_served_as_its_simulator_says(sample: Played, truth: dict[str, Any]) -> None:
    told = truth["service"]
    cases = [row for row in sample.views["cases"] if row["subject"] == "case" and row["opened_at"] is not None]
    opened = {line["case_id"] for line in sample.lines if line.get("phase") == "opened"}
    cases = [row for row in cases if row["case_id"] in opened]
    assert {
        "opened": len(cases),
        "answered_in_24h": sum(row["answered_in_24h"] is True for row in cases),
        "solved": sum(row["status"] != "open" for row in cases),
        "reopened": sum(row["reopened"] > 0 for row in cases),
        "promises": sum(row["promised"] for row in cases),
        "promises_kept": sum(row["promises_kept"] for row in cases),
    } == told["cases"]

    mentions, paths = sample.views["mentions"], sample.views["paths"]
    posts = [sum(row[name] for row in mentions) for name in ("posts", "answered", "reviews")]
    assert posts == [told["posts"][name] for name in ("by_customers", "answered", "reviews")]
    stars = sum(row["mean_rating"] * row["reviews"] for row in mentions if row["reviews"])
    assert stars == pytest.approx(told["posts"]["stars"])
    # A session counts once a step, however often the step fails in it.
    failed = sum(row["failed"] for row in paths if row["page"])
    assert 0.8 * told["pages"]["failed"] < failed <= told["pages"]["failed"]

    survey = told["service_survey"]
    results = [
        row for row in sample.views["survey_results"] if (row["survey_id"], row["dimension"]) == ("service", "all")
    ]
    for question, counts in survey["answers"].items():
        rows = [row for row in results if row["question"] == question]
        assert sum(row["n"] for row in rows) == sum(counts.values())
        assert sum(row["favourable"] for row in rows) == counts["4"] + counts["5"]
    responses = Counter(row["status"] for row in sample.views["survey_responses"] if row["survey_id"] == "service")
    assert responses["completed"] == survey["completed"]


def test_whoever_is_hurt_in_the_sample_is_got_back_to_by_one_follow_up_a_reason(
    sample: Played, truth: dict[str, Any]
) -> None:
    """Each cause that the simulator planted is in exactly one follow-up of its customer and reason."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sample.views["follow_ups"]:
        found.setdefault((row["customer_id"], row["reason"]), []).append(row)
    planted: dict[tuple[str, str], list[int]] = {}
    for one in truth["service"]["unhappy"]:
        at = moment(one["at"].replace("T", " ").removesuffix("Z"))
        assert at is not None
        planted.setdefault((one["customer_id"], one["reason"]), []).append(at)
    talked = {(one["event_id"]): one["contacted_at"] for one in truth["service"]["unhappy"]}

    assert {reason for _, reason in planted} == {"poor_answer", "complaint", "abandoned_call"}
    for key, moments in planted.items():
        rows = sorted(found.get(key, []), key=lambda row: str(row["happened_at"]))
        spans = [(moment(row["happened_at"]) or 0, moment(row["closed_at"])) for row in rows]
        for at in moments:
            holding = [began for began, ended in spans if began <= at and (ended is None or at <= ended)]
            # A call back, or another call, within half an hour lets none of an abandoned call open.
            assert len(holding) == 1 or (key[1] == "abandoned_call" and not holding), (key, at)
    for row in sample.views["follow_ups"]:
        if row["reason"] in {"poor_answer", "complaint"}:
            contacted_at = talked[row["event_id"]]
            assert (row["contacted_at"] is None) or contacted_at is not None


def test_the_samples_customers_are_the_people_whom_its_simulator_made(sample: Played, truth: dict[str, Any]) -> None:
    """Whoever has logged in once is one customer, with what they did before and without; the others stay visitors."""
    found = {row["customer_id"]: row for row in sample.views["customers"]}
    parts = ("touchpoints", "purchases", "spend_minor", "refunded_minor")

    assert {name: {part: row[part] for part in parts} for name, row in found.items()} == truth["customers"]
    # Nothing of this holds by there being nothing: a third of the browsers' touchpoints state no customer.
    by_browser = sum(not line.get("customer_id") for line in sample.lines if line["kind"] in ACTIONS)
    of_visitors = sum(row["touchpoints"] for name, row in found.items() if name.startswith("anon:"))
    assert 0 < of_visitors < by_browser / 2


def test_most_turns_that_the_simulator_planted_are_found_and_hardly_any_other(
    sample: Played, truth: dict[str, Any]
) -> None:
    planted = {(turn["customer_id"], turn["direction"]): turn["onset_event_id"] for turn in truth["mood_turns"]}
    found = {(row["customer_id"], row["direction"]): row["onset_event_id"] for row in sample.views["sentiment_shifts"]}
    to_the_event = [turn for turn, onset in planted.items() if found.get(turn) == onset]

    assert len(planted.keys() & found.keys()) >= 0.8 * len(planted)
    assert len(to_the_event) >= 0.7 * len(planted)
    assert len(found.keys() - planted.keys()) <= 0.05 * len(found)
