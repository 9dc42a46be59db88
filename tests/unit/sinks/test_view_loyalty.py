"""The view of customers says how loyal and valuable they are, worked out a second time."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from examples.cdnow import read_rows, to_touchpoints
from schemas.loyalty import read_loyalty
from sinks.migrate import Declared
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.oracle.compare import unequal
from tests.oracle.loyalty import Rules, loyalty
from tests.oracle.touchpoints import DAY, HOUR, moment
from tests.unit.sinks.made_up import MadeUp, Row, play, rows_of
from tests.unit.sinks.regulars import FIRST, Regulars
from tests.unit.sinks.views import write

pytestmark = pytest.mark.embedded

ZONE = ZoneInfo("Asia/Kolkata")
CUSTOMERS = 120
CDNOW = Path(__file__).with_name("cdnow")


def local_day(at: int) -> int:
    return datetime.fromtimestamp(at / 1000, ZONE).toordinal()


def utc_day(at: int) -> int:
    return at // DAY


def made_up(seed: int) -> list[Row]:
    shop = Regulars(seed, FIRST, days=60)
    for number in range(CUSTOMERS):
        shop.buys(f"c{number}", shop.random.choice((0, 1, 1, 2, 3, 5, 8)))
        shop.lives(f"c{number}", CUSTOMERS)
    latest = max(line["occurred_at"] for line in shop.lines)
    for number in range(5):
        shop.add("purchase", latest, f"new{number}", order_id=f"o{number}", amount_minor=1, currency="EUR")
        for day in range(3):
            name = f"o{number}-{day}"
            shop.add("purchase", latest - day * DAY, f"daily{number}", order_id=name, amount_minor=100, currency="EUR")
    shop.spends()
    return shop.lines


@pytest.mark.parametrize(
    ("seed", "said", "rules"),
    [
        (1, "", Rules()),
        (
            2,
            "method=rfm,attribution=first_touch,margin=0.4,mend=3",
            Rules(method="rfm", attribution="first_touch", margin=0.4, mend=3),
        ),
        (
            3,
            "rhythm_days=10,at_risk=1.5,lapsed=2.5,loyal_days=2",
            Rules(rhythm=10, at_risk=1.5, lapsed=2.5, loyal_days=2),
        ),
    ],
)
def test_whoever_buys_is_shown_as_loyal_and_valuable_as_their_touchpoints_say(
    chdb: Engine, tmp_path: Path, seed: int, said: str, rules: Rules
) -> None:
    lines = made_up(seed)
    declared = Declared(loyalty=read_loyalty(said))
    played = play(chdb, tmp_path, lines, "Asia/Kolkata", declared)
    world = replace(played, views={"sentiment_shifts": rows_of(chdb, "SELECT * FROM sentiment_shifts")})
    spend = [line for line in lines if line["kind"] == "marketing_spend"]
    sentiments: dict[str, float | None] = dict.fromkeys((line["event_id"] for line in lines), None)
    found = rows_of(chdb, "SELECT * FROM customers")

    expected = list(loyalty(world, sentiments, spend, rules, local_day))
    assert list(unequal("customers", ("customer_id",), found, expected)) == []
    assert {row["loyalty_method"] for row in found} == {read_loyalty(said)}
    # Nothing of the above holds by there being nothing.
    assert Counter(row["loyalty_status"] for row in expected).keys() >= {None, "new", "active", "at_risk", "lapsed"}
    assert {row["nps_group"] for row in expected} == {None, "promoter", "passive", "detractor"}
    assert {row["acquired_by"] for row in expected} >= {"", "spring", "radio"}
    assert None in {row["acquisition_cost_minor"] for row in expected}
    for name in ("referrals", "praises", "good_experiences", "bad_experiences", "repeat_purchase", "loyal"):
        assert len({row[name] for row in expected}) > 1, name
    assert {row["extra_care"] for row in expected if row["loyal"]} == {True, False}
    reasons = {reason for row in expected for reason in row["care_reasons"]}
    assert reasons >= {"at_risk", "open_case", "detractor", "unmended"}


def order(customer: str, day: int, **fields: Any) -> Row:
    """Return an order at noon of a day, counted from the first."""
    said = {"order_id": f"{customer}-{day}", "amount_minor": 1000, "currency": "EUR", **fields}
    at = FIRST + day * DAY + 12 * HOUR
    return {
        "kind": "purchase", "event_id": f"e-{customer}-{day}", "source": "s", "customer_id": customer,
        "occurred_at": at, **said,
    }  # fmt: skip


def test_the_status_goes_by_the_customers_own_rhythm(chdb: Engine, tmp_path: Path) -> None:
    """Day 100 is today. Rhythm: the median gap; at risk after twice, lapsed after four times as long."""
    days = {
        "new": [40],  # silent for 60 days, with 30 days to go by
        "one, at risk": [39],
        "one, at risk still": [-20],
        "one, lapsed": [-21],
        "weekly": [72, 79, 86],  # silent for 14
        "weekly, at risk": [71, 78, 85],
        "weekly, at risk still": [58, 65, 72],
        "weekly, lapsed": [57, 64, 71],
        "yearly": [-900, -600, -300],  # silent for 400, with a rhythm of 300
        "returned": [10, 17, 24, 99],  # was away for 75 days with a rhythm of 7
        "came late": [10, 17, 24, 52, 99],  # the rhythm before the last 47 days was 7
        "back for good": [10, 17, 24, 85, 92, 99],
    }
    lines = [order(customer, day) for customer, their_days in days.items() for day in their_days]
    play(chdb, tmp_path, lines, until=FIRST + 100 * DAY)
    found = {row["customer_id"]: row for row in rows_of(chdb, "SELECT * FROM customers")}

    assert {name: row["loyalty_status"] for name, row in found.items()} == {
        "new": "new",
        "one, at risk": "at_risk",
        "one, at risk still": "at_risk",
        "one, lapsed": "lapsed",
        "weekly": "active",
        "weekly, at risk": "at_risk",
        "weekly, at risk still": "at_risk",
        "weekly, lapsed": "lapsed",
        "yearly": "active",
        "returned": "returned",
        "came late": "returned",
        "back for good": "active",
    }
    assert {name for name, row in found.items() if row["loyal"]} == {
        "weekly", "weekly, at risk", "weekly, at risk still", "yearly", "returned", "came late", "back for good",
    }  # fmt: skip
    assert (found["yearly"]["rhythm_days"], found["yearly"]["silence_days"]) == (300, 400)


def test_twelve_good_experiences_mend_a_bad_one(chdb: Engine, tmp_path: Path) -> None:
    def felt(customer: str, number: int, *, well: bool) -> Row:
        said = {"kind": "support_call", "source": "s", "phase": "ended", "resolved": well}
        call = f"{customer}-{number}"
        return {**said, "event_id": call, "call_id": call, "customer_id": customer, "occurred_at": FIRST + number}

    lines = [felt("mended", number, well=number > 0) for number in range(13)]
    lines += [felt("not mended", number, well=number > 0) for number in range(12)]
    # Of two bad ones after thirteen good ones the second is too many.
    lines += [felt("too many", number, well=number < 13) for number in range(15)]
    lines += [order(name, day) for name in ("mended", "not mended", "too many") for day in (1, 2, 3)]
    play(chdb, tmp_path, lines)
    found = {
        row["customer_id"]: (row["experience_balance"], row["loyal"], row["extra_care"], moment(row["unmended_since"]))
        for row in rows_of(chdb, "SELECT * FROM customers")
    }

    assert found == {
        "mended": (0, True, False, None),
        "not mended": (-1, True, False, FIRST),
        "too many": (-11, True, False, FIRST + 14),
    }


def test_of_loyal_customers_those_are_marked_for_care_whom_something_specific_speaks_for(
    chdb: Engine, tmp_path: Path
) -> None:
    """Day 100 is today; whoever buys weekly until day 93 is loyal."""
    weekly, twice, long_ago = (79, 86, 93), (86, 93), (5, 12, 19)
    days = {
        "well": weekly, "late": (65, 72, 79), "asks": weekly, "turns": weekly, "votes": weekly, "hurt": weekly,
        "asks, buys twice": twice, "asks, left": long_ago,
    }  # fmt: skip
    lines = [order(customer, day) for customer, their_days in days.items() for day in their_days]
    shop = MadeUp(seed=1, first=FIRST, days=1)
    for name in ("asks", "asks, buys twice", "asks, left"):
        shop.add("case_event", FIRST + 20 * DAY, name, case_id=f"k-{name}", phase="opened", by="customer")
    nps = {"survey_id": "s", "phase": "answered", "question_id": "q", "question_kind": "nps"}
    answered = {**nps, "question_kind": "csat"}
    for number in range(16):
        score, at = 5 if number < 8 else 1, FIRST + (40 + number) * DAY
        shop.add("survey_answer", at, "turns", response_id=f"t{number}", score=score, **answered)
    # Six of ten does not recommend the shop, and is above the middle: no bad experience.
    shop.add("survey_answer", FIRST + 50 * DAY, "votes", response_id="v", score=6, **nps)
    shop.add("support_call", FIRST + 50 * DAY, "hurt", call_id="h", phase="ended", resolved=False)
    play(chdb, tmp_path, [*lines, *shop.lines], until=FIRST + 100 * DAY)
    columns = "customer_id, loyal, extra_care, care_reasons"
    found = {
        row["customer_id"]: (row["loyal"], row["extra_care"], row["care_reasons"])
        for row in rows_of(chdb, f"SELECT {columns} FROM customers")
    }

    assert found == {
        "well": (True, False, []),
        "late": (True, True, ["at_risk"]),
        "asks": (True, True, ["open_case"]),
        "turns": (True, True, ["turned", "unmended"]),
        "votes": (True, True, ["detractor"]),
        "hurt": (True, False, ["unmended"]),
        "asks, buys twice": (False, False, ["open_case"]),
        "asks, left": (False, False, ["open_case"]),
    }


def test_a_campaigns_cost_is_shared_by_the_customers_whom_it_brought(chdb: Engine, tmp_path: Path) -> None:
    def spend(name: str, campaign: str | None, currency: str, amount: int) -> Row:
        return {
            "kind": "marketing_spend", "event_id": name, "spend_id": name, "source": "s", "occurred_at": FIRST,
            "campaign": campaign, "period_start": FIRST, "period_end": FIRST + DAY, "amount_minor": amount,
            "currency": currency,
        }  # fmt: skip

    lines = [
        spend("m1", "spring", "EUR", 700),
        spend("m2", "spring", "EUR", 200),
        spend("m3", "radio", "EUR", 100),
        spend("m4", "radio", "USD", 100),
        spend("m5", None, "EUR", 5000),
        order("a", 1, attributes={"campaign": "spring"}),
        order("a", 2, attributes={"campaign": "radio"}),
        order("b", 1, attributes={"campaign": "spring"}),
        order("c", 1, attributes={"campaign": "spring"}, currency="USD"),
        order("d", 1, attributes={"campaign": "radio"}),
        order("e", 1, attributes={"campaign": "for nothing"}),
        order("f", 1),
    ]
    play(chdb, tmp_path, lines, declared=Declared(loyalty=read_loyalty("margin=0.5")))
    columns = "customer_id, acquired_by, acquisition_cost_minor, lifetime_value_minor"
    found = [list(row.values()) for row in rows_of(chdb, f"SELECT {columns} FROM customers ORDER BY customer_id")]

    assert found == [
        ["a", "spring", 300, 700],
        ["b", "spring", 300, 200],
        ["c", "spring", None, None],  # dollars cannot be less euros
        ["d", "radio", None, None],  # what it cost cannot be added up
        ["e", "for nothing", 0, 500],
        ["f", "", 0, 500],
    ]


def test_who_refers_others_is_found_under_the_name_that_they_have_now(chdb: Engine, tmp_path: Path) -> None:
    def came(customer: str, later: int, **fields: Any) -> Row:
        said = {"kind": "page_view", "source": "s", "page": "/", "customer_id": customer, **fields}
        return {**said, "event_id": f"{customer}-{later}", "occurred_at": FIRST + later * HOUR}

    lines = [
        came("ann", 0),
        came("bob", 1, attributes={"referred_by": "ann"}),
        came("bob", 2, attributes={"referred_by": "cid"}),
        came("cid", 3, attributes={"referred_by": "ann's former id"}),
        came("cid", 4, attributes={"referred_by": "cid"}),
        came("dan", 5, attributes={"referred_by": "dan"}),
    ]
    play(chdb, tmp_path, lines)
    owned = {"since": [FIRST], "customer_ids": ["ann"], "event_ids": ["e"]}
    write(chdb, "identities", kind="customer", value="ann's former id", **owned)
    found = {row["customer_id"]: int(row["referrals"]) for row in rows_of(chdb, "SELECT * FROM customers")}

    assert found == {"ann": 2, "bob": 0, "cid": 0, "dan": 0}


def test_a_day_is_that_of_the_business(chdb: Engine, tmp_path: Path) -> None:
    """Half an hour before and after midnight in Kolkata are two days there, and one of UTC."""
    midnight = int(datetime(2026, 2, 1, 18, 30, tzinfo=UTC).timestamp() * 1000)
    lines = [order("a", number, occurred_at=midnight + at) for number, at in enumerate((-HOUR // 2, HOUR // 2))]
    shown = []
    for zone in ("UTC", "Asia/Kolkata"):
        play(chdb, tmp_path, lines, zone, until=midnight + HOUR)
        (row,) = rows_of(chdb, "SELECT frequency, recency_days, repeat_purchase FROM customers")
        shown.append((int(row["frequency"]), int(row["recency_days"]), row["repeat_purchase"]))

    assert shown == [(0, 0, False), (1, 1, True)]


def test_cdnows_customers_are_measured_as_the_package_lifetimes_measures_them(chdb: Engine, tmp_path: Path) -> None:
    """Its figures are in a file beside the purchases: the package itself needs older releases of others."""
    lines = to_touchpoints(read_rows((CDNOW / "purchases.txt").read_text("ascii").splitlines()))
    last_day = int(datetime(1998, 6, 30, 18, tzinfo=UTC).timestamp() * 1000)
    play(chdb, tmp_path, lines, until=last_day)
    columns = "customer_id, frequency, recency_days, tenure_days, monetary_value_minor / 100 AS value"
    found = {row["customer_id"]: list(row.values())[1:] for row in rows_of(chdb, f"SELECT {columns} FROM customers")}

    with (CDNOW / "summary.csv").open(encoding="ascii") as file:
        expected = {row["customer_id"]: row for row in csv.DictReader(file)}
    assert found.keys() == expected.keys()
    for customer, (frequency, recency, tenure, value) in found.items():
        row = expected[customer]
        assert [frequency, recency, tenure] == [int(row[name]) for name in ("frequency", "recency", "T")], customer
        assert value == pytest.approx(float(row["monetary_value"]), abs=1e-6), customer


def test_an_order_comes_to_what_the_statement_that_holds_says_and_late_ones_count_nowhere(chdb: Engine) -> None:
    """A later statement does not hold where another source's does."""
    for event_id, at, amount in (("holds", MAY_1, 1000), ("is later", MAY_1 + 1, 2000)):
        write(chdb, "touchpoints", event_id=event_id, occurred_at=at, value_minor=amount)
    write(chdb, "superseded", event_id="is later", by="holds")
    write(chdb, "touchpoints", event_id="late", subject_id="o2", late=True)
    (row,) = rows_of(chdb, "SELECT orders, revenue_minor FROM cohorts WHERE cohort = month")

    assert (int(row["orders"]), int(row["revenue_minor"])) == (1, 1000)
