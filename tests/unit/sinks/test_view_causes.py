"""The view of causes names the steps that lead customers to ask, worked out a second time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.contact_costs import read_contact_costs
from sinks.migrate import Declared
from tests.contract.engine import Engine
from tests.oracle.causes import contact_causes
from tests.oracle.compare import unequal
from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.sinks.made_up import MadeUp, Row, play, rows_of

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp() * 1000)
KEY = ("month", "step", "failed", "detail", "detail_value", "leads_to")
ZONE = ZoneInfo("Asia/Kolkata")
METRICS = Path(__file__).parents[3] / "docs" / "metrics.md"


class Shop(MadeUp):
    """Makes up what customers do, and how they ask."""

    def look(self, customer: str, at: int) -> None:
        rnd = self.random
        self.add(
            "page_view", at, customer, page=f"/{rnd.randrange(3)}", ok=rnd.choice((None, None, False)),
            attributes={"region": rnd.choice("ab")},
        )  # fmt: skip

    def ask(self, customer: str, at: int) -> None:
        rnd, number = self.random, len(self.lines)
        match rnd.randrange(4):
            case 0:
                self.call(customer, at)
            case 1:
                self.add("tweet", at, customer, post_id=f"p{number}", text="!", rating=rnd.randint(1, 5))
            case 2:
                by = rnd.choice(("customer", "agent"))
                self.add("case_event", at, customer, case_id=f"t{number}", phase="opened", by=by, topic="delivery")
            case 3:
                self.add("purchase", at, customer, order_id=f"o{number}", amount_minor=5, currency="EUR")

    def plant(self, step: Row, customer: str, at: int) -> None:
        """Add a step, of a thing of its own."""
        fields = {name: value for name, value in step.items() if name != "kind"}
        match step["kind"]:
            case "case_event":
                fields["case_id"] = f"t{len(self.lines)}"
            case "cart_event":
                fields["cart_id"] = f"k{len(self.lines)}"
            case "purchase":
                fields["order_id"] = f"o{len(self.lines)}"
            case "survey_answer":
                fields["response_id"] = f"r{len(self.lines)}"
            case "tweet":
                fields["post_id"] = f"p{len(self.lines)}"
        self.add(step["kind"], at, customer, **fields)

    def call(self, customer: str, at: int, minutes: int = 4, *, is_from_customer: bool | None = None) -> None:
        """Call the shop, which answers after a minute; or be called."""
        fields: Row = {"call_id": f"c{len(self.lines)}", "topic": self.random.choice((None, "billing"))}
        if self.random.random() < 0.8 if is_from_customer is None else is_from_customer:
            self.add("support_call", at, customer, phase="queued", **fields)
        self.add("support_call", at + MINUTE, customer, phase="answered", agent_id="mara", **fields)
        if self.random.random() < 0.8:
            self.add("support_call", at + (1 + minutes) * MINUTE, customer, phase="ended", resolved=False, **fields)


def local_day(at: int) -> int:
    return datetime.fromtimestamp(at / 1000, ZONE).toordinal()


def local_month(at: int) -> int:
    month = datetime.fromtimestamp(at / 1000, ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(month.timestamp()) * 1000


def test_whatever_customers_do_is_held_against_what_they_do_next(chdb: Engine, tmp_path: Path) -> None:
    shop = Shop(seed=5, first=FIRST, days=60)
    for number in range(700):
        shop.look(f"c{number % 40}", shop.start())
        if number % 3 == 0:
            shop.ask(f"c{number % 31}", shop.start())
    world = play(chdb, tmp_path, shop.lines, "Asia/Kolkata")
    found = rows_of(chdb, "SELECT * FROM contact_causes")

    assert list(unequal("contact_causes", KEY, found, contact_causes(world, local_day, local_month))) == []
    assert {row["leads_to"] for row in found if int(row["counted"])} == {"call", "case", "post", "any"}
    assert {row["detail"] for row in found} == {"", "page", "topic", "region"}
    assert {row["enough"] for row in found} == {True, False}
    assert any(row["handling_seconds"] for row in found)


def test_a_botched_installation_is_why_customers_call(chdb: Engine, tmp_path: Path) -> None:
    """Ten are visited; eight of the nine whose visit failed call. Of twenty others with as long a journey, two call."""
    shop = Shop(seed=1, first=FIRST, days=1)
    for number in range(30):
        customer = f"c{number}"
        visit = {"visit": "failed" if number < 9 else "done"} if number < 10 else None
        shop.add("case_event", FIRST, customer, case_id=f"t{number}", phase="updated", by="agent", attributes=visit)
        if number < 8 or number in (20, 21):
            call = {"call_id": f"k{number}"}
            shop.add("support_call", FIRST + DAY, customer, phase="queued", **call)
            shop.add("support_call", FIRST + DAY + MINUTE, customer, phase="answered", agent_id="mara", **call)
            shop.add("support_call", FIRST + DAY + 11 * MINUTE, customer, phase="ended", **call)
    # A call costs 50, and an hour of an agent 3600: a second 1.
    costs = Declared(contact_costs=read_contact_costs("call=50,hour=3600"))
    play(chdb, tmp_path, shop.lines, until=FIRST + 30 * DAY, declared=costs)
    (row,) = rows_of(chdb, "SELECT * FROM contact_causes WHERE leads_to = 'call' AND detail_value = 'failed'")

    assert (row["step"], row["detail"]) == ("case_event:updated", "visit")
    assert (int(row["n"]), int(row["counted"]), int(row["n_without"])) == (9, 8, 21)
    assert row["share_without"] == pytest.approx(2 / 21)
    assert row["difference"] == pytest.approx(8 / 9 - 2 / 21)
    assert row["lift"] == pytest.approx((8 / 9) / (2 / 21))
    assert row["extra"] == pytest.approx(8 - 9 * 2 / 21)
    # An agent had each call for ten minutes.
    assert (row["handling_seconds"], row["extra_seconds"]) == (600, pytest.approx(600 * (8 - 9 * 2 / 21)))
    assert row["extra_cost_minor"] == pytest.approx(650 * (8 - 9 * 2 / 21))
    # Newcombe's interval, of Wilson's 56.50 % to 98.01 % of 8 in 9 and 2.65 % to 28.91 % of 2 in 21.
    low = 8 / 9 - 2 / 21 - ((8 / 9 - 0.5650) ** 2 + (0.2891 - 2 / 21) ** 2) ** 0.5
    high = 8 / 9 - 2 / 21 + ((0.9801 - 8 / 9) ** 2 + (2 / 21 - 0.0265) ** 2) ** 0.5
    assert (row["difference_low"], row["difference_high"]) == (
        pytest.approx(low, abs=2e-4),
        pytest.approx(high, abs=2e-4),
    )


def test_a_step_costs_what_all_that_it_leads_to_does(chdb: Engine, tmp_path: Path) -> None:
    """Of ten who are visited all call for ten minutes, write a bad post and open a case; of ten others none does."""
    shop = Shop(seed=1, first=FIRST, days=1)
    for number in range(20):
        customer = f"c{number}"
        if number >= 10:
            shop.add("page_view", FIRST, customer, page="/")
            continue
        shop.add("case_event", FIRST, customer, case_id=f"t{number}", phase="updated", by="agent")
        for phase, at in (("queued", 0), ("answered", MINUTE), ("ended", 11 * MINUTE)):
            agent = None if phase == "queued" else "mara"
            shop.add("support_call", FIRST + DAY + at, customer, call_id=f"k{number}", phase=phase, agent_id=agent)
        shop.add("tweet", FIRST + DAY, customer, post_id=f"p{number}", text="!", rating=1)
        shop.add("case_event", FIRST + DAY, customer, case_id=f"own{number}", phase="opened", by="customer")
    costs = Declared(contact_costs=read_contact_costs("call=250,case=400,hour=3600,post=100"))
    play(chdb, tmp_path, shop.lines, until=FIRST + 30 * DAY, declared=costs)
    rows = rows_of(chdb, "SELECT leads_to, extra_cost_minor FROM contact_causes WHERE step = 'case_event:updated'")
    contacts = rows_of(chdb, "SELECT contact, sum(cost_minor) AS cost FROM customer_contacts GROUP BY contact")

    of_calls = 10 * (250 + 600)
    of_all = of_calls + 10 * 400 + 10 * 100
    expected = {"call": of_calls, "case": 4000, "post": 1000, "any": of_all, "turn": None}
    assert {row["leads_to"]: row["extra_cost_minor"] for row in rows} == pytest.approx(expected)
    assert {row["contact"]: row["cost"] for row in contacts} == {"call": of_calls, "case": 4000, "post": 1000}


def test_without_a_setting_nothing_is_known_to_cost_anything(chdb: Engine, tmp_path: Path) -> None:
    shop = Shop(seed=5, first=FIRST, days=20)
    for number in range(200):
        shop.look(f"c{number % 20}", shop.start())
        shop.ask(f"c{number % 20}", shop.start())
    play(chdb, tmp_path, shop.lines, until=FIRST + 40 * DAY)

    for view, cost in (("contact_causes", "extra_cost_minor"), ("customer_contacts", "cost_minor")):
        found = rows_of(chdb, f"SELECT count() AS n, count({cost}) AS known FROM {view}")
        assert int(found[0]["n"]) > 20
        assert int(found[0]["known"]) == 0


BOTCHED: tuple[Row, ...] = (
    {"kind": "case_event", "phase": "updated", "by": "agent", "attributes": {"visit": "failed"}},
    {"kind": "case_event", "phase": "updated", "by": "bot", "topic": "delivery"},
    {"kind": "case_event", "phase": "eta_given", "by": "agent", "topic": "repair"},
    {"kind": "page_view", "page": "/invoice", "action": "pay", "ok": False},
    {"kind": "page_view", "page": "/guide/installation"},
    {"kind": "cart_event", "action": "payment_failed"},
    {"kind": "purchase", "amount_minor": 5, "currency": "EUR", "attributes": {"product": "router-3"}},
    {"kind": "purchase", "amount_minor": 5, "currency": "EUR", "action": "refunded"},
    {"kind": "survey_answer", "survey_id": "q", "phase": "invited", "attributes": {"wave": "b"}},
    {"kind": "tweet", "author": "brand", "text": "No.", "attributes": {"campaign": "outage"}},
)
WELL: tuple[Row, ...] = (
    {"kind": "case_event", "phase": "updated", "by": "agent", "attributes": {"visit": "done"}},
    {"kind": "case_event", "phase": "updated", "by": "bot", "topic": "account"},
    {"kind": "case_event", "phase": "eta_given", "by": "agent", "topic": "account"},
    {"kind": "page_view", "page": "/invoice", "action": "pay"},
    {"kind": "page_view", "page": "/guide"},
    {"kind": "cart_event", "action": "item_added"},
    {"kind": "purchase", "amount_minor": 5, "currency": "EUR", "attributes": {"product": "router-2"}},
    {"kind": "survey_answer", "survey_id": "q", "phase": "invited", "attributes": {"wave": "a"}},
    {"kind": "tweet", "author": "brand", "text": "Yes.", "attributes": {"campaign": "spring"}},
)
NAMED = (
    ("case_event:updated", False, "visit", "failed"), ("case_event:updated", False, "topic", "delivery"),
    ("case_event:eta_given", False, "topic", "repair"), ("page_view:pay", True, "page", "/invoice"),
    ("page_view:view", False, "page", "/guide/installation"), ("cart_event:payment_failed", True, "", ""),
    ("purchase:placed", False, "product", "router-3"), ("purchase:refunded", True, "", ""),
    ("survey_answer:invited", False, "wave", "b"), ("tweet:brand", False, "campaign", "outage"),
)  # fmt: skip
"""What the view calls each of them."""


def test_of_two_hundred_botched_steps_the_top_of_the_causes_names_each(chdb: Engine, tmp_path: Path) -> None:
    """Ten things go wrong, twenty times each, and most of those customers call; four thousand others lead nowhere."""
    shop = Shop(seed=10, first=FIRST, days=20)
    rnd = shop.random
    for number in range(3000):
        customer = f"c{number % 500}"
        shop.look(customer, shop.start())
        if number % 25 == 0:
            shop.ask(customer, shop.start())
        if number % 3 == 0:
            shop.plant(WELL[number // 3 % len(WELL)], customer, shop.start())
    for number in range(200):
        customer, at = f"c{rnd.randrange(500)}", shop.start()
        shop.plant(BOTCHED[number % 10], customer, at)
        if rnd.random() < 0.9:
            shop.call(customer, at + rnd.randrange(3 * DAY), is_from_customer=True)
    play(chdb, tmp_path, shop.lines, until=FIRST + 40 * DAY)
    rows = rows_of(chdb, """
        SELECT step, failed, detail, detail_value FROM contact_causes
        WHERE leads_to = 'call' AND step NOT LIKE 'support_call%'
        ORDER BY difference_low DESC, detail DESC
        LIMIT 1 BY step, failed, n, counted
        LIMIT 10
    """)  # fmt: skip
    [documented] = re.findall(r"```sql\n(SELECT[^`]*FROM contact_causes[^`]*)```", METRICS.read_text(encoding="utf-8"))
    # The calls themselves lead to calls, too: some of them stand among the ten.
    documented = documented.replace("LIMIT 10", "LIMIT 20")

    assert set(map(_named, rows)) == set(NAMED)
    assert set(NAMED) <= set(map(_named, rows_of(chdb, documented)))


def _named(row: dict[str, Any]) -> tuple[str, bool, str, str]:
    return row["step"], bool(row["failed"]), row["detail"], row["detail_value"]


def test_a_step_that_only_long_journeys_have_is_no_cause(chdb: Engine, tmp_path: Path) -> None:
    """Everybody calls on each twentieth day; whoever comes on forty days sees the page in the end, most never."""
    shop = Shop(seed=2, first=FIRST, days=1)
    for number in range(300):
        days = 40 if number % 3 == 0 else 2
        for day in range(days):
            at = FIRST + day * DAY
            page = "/late" if day > 20 and shop.random.random() < 0.5 else "/any"
            shop.add("page_view", at, f"c{number}", page=page)
            if shop.random.random() < 0.05:
                shop.call(f"c{number}", at + HOUR)
    play(chdb, tmp_path, shop.lines, until=FIRST + 60 * DAY)
    rows = rows_of(chdb, "SELECT * FROM contact_causes WHERE leads_to = 'call' AND detail_value = '/late'")
    by_journey = rows_of(chdb, """
        SELECT has_page, avg(called) AS share
        FROM (SELECT journey_id, countIf(page = '/late') > 0 AS has_page FROM page_views GROUP BY journey_id) AS j
        LEFT JOIN (SELECT journey_id, 1 AS called FROM contact_starts GROUP BY journey_id) AS c USING journey_id
        GROUP BY has_page ORDER BY has_page
    """)  # fmt: skip

    # Of journeys with the page nearly all have a call, of the others few: that says only how long they are.
    assert by_journey[1]["share"] > 3 * by_journey[0]["share"]
    assert len(rows) == 2
    for row in rows:
        assert row["difference_low"] < 0 < row["difference_high"], row
        assert row["enough"]


def test_what_may_still_be_followed_by_a_contact_is_not_counted(chdb: Engine, tmp_path: Path) -> None:
    lines: list[Row] = [
        {"kind": "page_view", "source": "s", "event_id": f"e{number}", "customer_id": f"c{number}",
         "page": "/a" if number < 10 else "/b", "occurred_at": FIRST}
        for number in range(20)
    ]  # fmt: skip
    play(chdb, tmp_path, lines, until=FIRST + 7 * DAY - 1)
    assert rows_of(chdb, "SELECT * FROM contact_causes") == []

    play(chdb, tmp_path, lines, until=FIRST + 7 * DAY)
    assert {int(row["n"]) for row in rows_of(chdb, "SELECT * FROM contact_causes WHERE detail = 'page'")} == {10}
