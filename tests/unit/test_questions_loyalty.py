"""Queries of docs/questions.md on loyalty give what the lines hold, asked when the sample ends: later all have lapsed.

The second account is the oracle's (tests/oracle), person by person from the touchpoints.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

import touchline
from sinks.database import select
from sinks.migrate import migrate
from sinks.statement import reading_statement
from tests.contract.engine import Engine
from tests.integration.kept import lines as lines_of
from tests.oracle import service
from tests.oracle.cohorts import cohorts
from tests.oracle.compare import World, customers
from tests.oracle.departures import campaign_value, departures
from tests.oracle.loyalty import Rules, loyalty
from tests.oracle.shares import wilson
from tests.oracle.standing import standing
from tests.oracle.touchpoints import DAY, read
from tests.unit.played_lines import store
from tests.unit.questions_shop import Line, Rows, at, shown
from tests.unit.test_questions import ANSWERS as OTHERS
from tests.unit.test_questions import QUERIES

pytestmark = pytest.mark.embedded

SAMPLE = Path(touchline.__file__).with_name("sample.jsonl")
UNTIL = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""A moment after the sample's last line."""
RULES = Rules()


class Ended:
    """The sample's shop when it ends: the database, and what the oracle makes of the lines.

    Attributes:
        said: of each customer what `customers` says, by the oracle.
    """

    def __init__(self, database: Engine, lines: list[Line]) -> None:
        """Read the lines; sentiments and shifts are those of the database."""
        self.database = database
        scored = select(database, "SELECT event_id, sentiment FROM touchpoints")
        sentiments: dict[str, Any] = {str(event_id): sentiment for event_id, sentiment in scored}
        columns = ("customer_id", "journey_id", "onset_event_id", "onset_at", "direction", "detected_at")
        shifts = [
            dict(zip(columns, row, strict=True))
            for row in select(database, f"SELECT {', '.join(columns)} FROM sentiment_shifts")
        ]
        self.world = World.of(read(lines, sentiments), {"sentiment_shifts": shifts}, UNTIL)
        self.spend = [line for line in lines if line["kind"] == "marketing_spend"]
        self.loyalty = list(loyalty(self.world, sentiments, self.spend, RULES, lambda time: time // DAY))
        totals = {row["customer_id"]: row for row in customers(self.world)}
        self.said = {row["customer_id"]: {**totals[row["customer_id"]], **row} for row in self.loyalty}

    def bought(self, name: str) -> int:
        """Return what a customer has spent less what was refunded."""
        row = self.said[name]
        return int(row["spend_minor"] - row["refunded_minor"])


@pytest.fixture(scope="module")
def ended(chdb_opened: Engine, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Play the sample, in which three customers say who has referred them: two the same, and one somebody else."""
    lines = sorted(lines_of(SAMPLE), key=at)
    orders = [line for line in lines if line["kind"] == "purchase"]
    names = list(dict.fromkeys(line["customer_id"] for line in orders if line.get("customer_id")))
    for name, by in ((names[5], names[0]), (names[6], names[0]), (names[7], names[1])):
        first = next(line for line in orders if line.get("customer_id") == name)
        first["attributes"] = {**first.get("attributes", {}), "referred_by": by}
    file = tmp_path_factory.mktemp("ended") / "lines.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    migrate(chdb_opened)
    store(chdb_opened, file, UNTIL, ["region", "product"])
    return Ended(chdb_opened, lines)


def at_risk(shop: Ended) -> Rows:
    rows = [
        [name, row["order_days"], row["rhythm_days"], row["silence_days"], shop.bought(name), row["currency"],
         row["care_reasons"]]
        for name, row in shop.said.items() if row["loyalty_status"] == "at_risk"
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[4], row[0]))


def gone_and_returned(shop: Ended) -> Rows:
    rows = [
        [row["loyalty_status"], name, shown(row["last_order_at"]), row["silence_days"], shop.bought(name),
         row["currency"]]
        for name, row in shop.said.items() if row["loyalty_status"] in ("lapsed", "returned")
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row[0], -row[4], row[1]))


def before_they_left(shop: Ended) -> Rows:
    found: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for row in departures(shop.world, shop.loyalty, RULES):
        for step in set(row["bad_steps"]) or {""}:
            found[step, row["currency"]].append(row)
    rows = [
        [*key, len(of_one), sum(row["was_loyal"] for row in of_one),
         float(round(sum(row["yearly_minor"] or 0 for row in of_one)))]
        for key, of_one in found.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def coming_back(shop: Ended) -> Rows:
    rows: Rows = []
    for row in cohorts(shop.world, service.month_of):
        if row["cohort"] is not None and row["months_since"] >= 0:
            ends = wilson(row["retention"], row["customers"])
            share = round(row["retention"], 4)
            rows.append(
                [
                    shown(row["cohort"])[:7],
                    row["currency"],
                    row["months_since"],
                    row["customers"],
                    row["bought"],
                    share,
                    *ends,
                ]
            )
    return sorted(rows, key=lambda row: row[:3])


def existing_and_new(shop: Ended) -> Rows:
    sums: dict[tuple[str, bool], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in cohorts(shop.world, service.month_of):
        of_one = sums[shown(row["month"])[:7], row["existing"]]
        of_one[0] += row["visited"]
        of_one[1] += row["bought"]
        of_one[2] += row["revenue_minor"] if row["currency"] == "EUR" else 0
    return [
        [*key, looked, buyers, round(buyers / looked, 4), eur]
        for key, (looked, buyers, eur) in sorted(sums.items())
        if looked
    ]


def campaigns_worth(shop: Ended) -> Rows:
    rows = [
        [row["campaign"], row["currency"], row["spent_minor"], row["new_customers"],
         round(row["cost_per_customer_minor"], 2), float(round(row["customers_value_minor"])),
         round(row["value_to_cost"], 3)]
        for row in campaign_value(shop.world, shop.loyalty, shop.spend, RULES)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[6], row[0], row[1]))


def worth_less_cost(shop: Ended) -> Rows:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, row in shop.said.items():
        if row["last_order_at"] is not None:
            found[row["acquired_by"], row["currency"]].append(name)
    rows: Rows = []
    for key, names in found.items():
        costs, values = (
            [shop.said[name][f"{what}_minor"] for name in names] for what in ("acquisition_cost", "lifetime_value")
        )
        spent = sum(map(shop.bought, names))
        rows.append([*key, len(names), spent, round(sum(costs)), round(sum(values)), round(fmean(values), 2)])
    return sorted(rows, key=lambda row: (-row[6], row[0], row[1]))


def stuck(shop: Ended) -> Rows:
    rows: Rows = [
        [row["step"], row["customer_id"], round(row["waiting_seconds"] / 3600, 2),
         *(round(row[f"usual_seconds_{part}"] / 3600, 2) for part in ("p50", "p90")), shop.bought(row["customer_id"])]
        for row in standing(shop.world) if row["stuck"]
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row[5], -row[2], row[1], row[0]))


def who_matters(shop: Ended) -> Rows:
    rows: Rows = [
        [name, row["care_reasons"], None if row["unmended_since"] is None else shown(row["unmended_since"]),
         float(round(row["lifetime_value_minor"])), row["currency"]]
        for name, row in shop.said.items() if row["loyal"]
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-len(row[1]), -row[3], row[0]))[:20]


def who_brings_others(shop: Ended) -> Rows:
    rows: Rows = [
        [name, row["referrals"], row["praises"], row["nps_group"] or "", shop.bought(name)]
        for name, row in shop.said.items() if row["referrals"] or row["praises"] > 2
    ]  # fmt: skip
    assert sorted((row[1] for row in rows), reverse=True)[:3] == [2, 1, 0]
    return sorted(rows, key=lambda row: (-row[1], -row[2], row[0]))


ANSWERS: dict[int, Callable[[Ended], Rows]] = dict(
    enumerate(
        (
            at_risk, gone_and_returned, before_they_left, coming_back, existing_and_new, campaigns_worth,
            worth_less_cost, stuck, who_matters, who_brings_others,
        ),
        start=len(OTHERS) + 1,
    )
)  # fmt: skip


def test_every_question_is_asked_by_one_of_the_tests() -> None:
    assert list(QUERIES) == [*OTHERS, *ANSWERS]


@pytest.mark.parametrize("number", ANSWERS)
def test_a_query_gives_what_the_lines_hold(ended: Ended, number: int) -> None:
    # As a person asks it: `touchline query` takes only some functions.
    found = select(ended.database, reading_statement(QUERIES[number]).sql)

    expected = ANSWERS[number](ended)
    assert expected, "an answer without rows shows nothing"
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert row == [pytest.approx(value, abs=1e-6) if isinstance(value, float) else value for value in wanted]
