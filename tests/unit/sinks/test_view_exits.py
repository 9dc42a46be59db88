"""The views tell where carts, calls and surveys are left, and after what, worked out a second time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.contract.engine import Engine
from tests.oracle.compare import unequal
from tests.oracle.exits import CAUSE_KEY, EXIT_KEY, abandonment_causes, exits
from tests.oracle.touchpoints import DAY, HOUR, MINUTE, SECOND
from tests.unit.sinks.made_up import MadeUp, Row, play, rows_of

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp() * 1000)
ZONE = ZoneInfo("Asia/Kolkata")


class Shop(MadeUp):
    """Makes up what customers leave, and what comes before."""

    def fill_cart(self, customer: str) -> None:
        """Fill a cart, among pages, and order or leave it."""
        rnd, at, cart_id = self.random, self.start(), f"k{len(self.lines)}"
        for action in rnd.choices(("item_added", "item_added", "checkout_started", "payment_failed", "ordered"), k=4):
            at = self.later(at, 40 * MINUTE)
            if rnd.random() < 0.5:
                self.look(customer, at)
            currency = rnd.choice(("EUR", "EUR", "CHF"))
            self.add("cart_event", at, customer, cart_id=cart_id, action=action, value_minor=7, currency=currency)
        if rnd.random() < 0.5:
            self.look(customer, at + rnd.choice((10, 30)) * MINUTE)
        if rnd.random() < 0.3:
            self.add("purchase", at + DAY, customer, order_id=f"o{cart_id}", amount_minor=5, currency="EUR")

    def look(self, customer: str, at: int) -> None:
        """Look at a page, which may fail."""
        ok = None if self.random.random() < 0.7 else False
        self.add("page_view", at, customer, page=f"/{self.random.randrange(3)}", ok=ok)

    def call(self, customer: str) -> None:
        """Call, and hang up at any phase, also when put back into the queue."""
        rnd, at = self.random, self.start()
        fields: Row = {"call_id": f"c{len(self.lines)}"}
        phases = ("queued", "answered", "held", "queued", "answered", "held")[: rnd.randint(1, 6)]
        for phase in (*phases, "ended"):
            topic = rnd.choice((None, "billing", "delivery"))
            self.add("support_call", at, customer, phase=phase, topic=topic, **fields)
            at = self.later(at, 10 * MINUTE)

    def answer(self, customer: str) -> None:
        """Begin a survey, and complete it or not; now and then after the deadline."""
        rnd, at, response = self.random, self.start(), f"r{len(self.lines)}"
        fields: Row = {"response_id": response, "survey_id": rnd.choice(("q", "p"))}
        self.add("survey_answer", at, customer, phase="started", **fields)
        for number in range(rnd.randrange(4)):
            at = self.later(at, rnd.choice((MINUTE, 9 * DAY)))
            asked: Row = {"question_id": f"q{number}", "question_kind": "csat", "score": rnd.randint(1, 5)}
            self.add("survey_answer", at, customer, phase="answered", **asked, **fields)
        if rnd.random() < 0.3:
            self.add("survey_answer", self.later(at, 9 * DAY), customer, phase="completed", **fields)

    def serve(self, customer: str) -> None:
        """Do something for the customer, or badly, or not."""
        rnd, at, number = self.random, self.start(), len(self.lines)
        match rnd.randrange(4):
            case 0:
                by, phase = rnd.choice(("customer", "agent", "bot")), rnd.choice(("acknowledged", "updated"))
                self.add("case_event", at, customer, case_id=f"t{number}", phase=phase, by=by)
            case 1:
                self.add(
                    "tweet", at, customer, post_id=f"p{number}", text="!", author=rnd.choice(("brand", "customer"))
                )
            case 2:
                self.add("purchase", at, customer, order_id=f"o{number}", amount_minor=5, currency="EUR")
            case 3:
                self.look(customer, at)


def local_month(at: int) -> int:
    month = datetime.fromtimestamp(at / 1000, ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(month.timestamp()) * 1000


def test_whatever_is_abandoned_is_shown_with_where_it_was_left_and_what_preceded_it(
    chdb: Engine, tmp_path: Path
) -> None:
    shop = Shop(seed=4, first=FIRST, days=60)
    for number in range(200):
        customer = f"c{number % 40}"
        shop.fill_cart(customer)
        shop.call(customer)
        shop.answer(customer)
        shop.serve(customer)
    world = play(chdb, tmp_path, shop.lines, "Asia/Kolkata", until=FIRST + 100 * DAY)
    found, counted = (rows_of(chdb, f"SELECT * FROM {view}") for view in ("abandonment_causes", "exits"))

    expected = list(abandonment_causes(world))
    assert list(unequal("abandonment_causes", CAUSE_KEY, found, expected)) == []
    assert list(unequal("exits", EXIT_KEY, counted, exits(expected, local_month))) == []
    assert {row["subject"] for row in counted} == {"cart", "checkout", "call", "hold", "survey"}
    assert {row["detail"] for row in counted} == {
        "", "page", "topic", "answered", "survey", "question", "cause", "failed",
    }  # fmt: skip
    assert {row["cause_kind"] for row in found} == {
        None, "page_view", "cart_event", "purchase", "support_call", "case_event", "tweet",
    }  # fmt: skip
    assert sum(int(row["recovered"]) for row in counted) > 10


def test_each_is_left_after_what_the_business_did_or_what_failed_last(chdb: Engine, tmp_path: Path) -> None:
    """One customer each, after: a payment or a page that fails, a hold, a botched visit, a bad call, and nothing."""
    shop = Shop(seed=1, first=FIRST, days=1)
    cart: Row = {"cart_id": "k", "value_minor": 900, "currency": "EUR"}
    for customer in ("payment", "page"):
        shop.add("purchase", FIRST, customer, order_id=f"o-{customer}", amount_minor=5, currency="EUR")
        shop.add("cart_event", FIRST + HOUR, customer, action="item_added", **cart)
        shop.add("cart_event", FIRST + HOUR + MINUTE, customer, action="checkout_started", **cart)
    shop.add("cart_event", FIRST + HOUR + 2 * MINUTE, "payment", action="payment_failed", **cart)
    shop.add("page_view", FIRST + HOUR + 9 * MINUTE, "page", page="/pay", ok=False)
    # Not more than half an hour before the cart's last event, and more.
    shop.add("page_view", FIRST + HOUR, "slow", page="/slow")
    shop.add("page_view", FIRST + HOUR - 1, "slower", page="/slower")
    for customer in ("slow", "slower"):
        at = FIRST + HOUR + 30 * MINUTE
        shop.add("cart_event", at, customer, cart_id=f"k-{customer}", action="item_added")
    shop.add("support_call", FIRST, "hold", call_id="h", phase="queued", topic="billing")
    shop.add("support_call", FIRST + MINUTE, "hold", call_id="h", phase="answered")
    shop.add("support_call", FIRST + 2 * MINUTE, "hold", call_id="h", phase="held")
    shop.add("support_call", FIRST + 9 * MINUTE, "hold", call_id="h", phase="ended")
    for place, phase in enumerate(("queued", "answered", "held", "resumed", "queued", "ended")):
        shop.add("support_call", FIRST + place * MINUTE, "again", call_id="a", phase=phase)
    for customer, days in (("visit", 7), ("nothing", 8)):
        shop.add("case_event", FIRST, customer, case_id=f"t-{customer}", phase="updated", by="agent")
        at = FIRST + days * DAY - HOUR
        shop.add("support_call", at, customer, call_id=f"c-{customer}", phase="queued", topic="repair")
        shop.add("support_call", at + 20 * SECOND, customer, call_id=f"c-{customer}", phase="ended")
    shop.add("support_call", FIRST, "survey", call_id="s", phase="answered")
    shop.add("support_call", FIRST + MINUTE, "survey", call_id="s", phase="ended", resolved=False)
    asked: Row = {"response_id": "r", "survey_id": "after-call"}
    shop.add("survey_answer", FIRST + HOUR, "survey", phase="started", **asked)
    shop.add("survey_answer", FIRST + HOUR, "survey", phase="answered", question_id="q1", **asked)
    # Long after the survey was left, and before its deadline.
    shop.add("page_view", FIRST + 2 * HOUR, "survey", page="/late", ok=False)
    play(chdb, tmp_path, shop.lines, until=FIRST + 40 * DAY)
    columns = "customer_id, subject, left_step, left_details, cause_step, failed_step"
    rows = rows_of(chdb, f"SELECT {columns} FROM abandonment_causes ORDER BY customer_id")

    shown = {row["customer_id"]: tuple(row.values())[1:] for row in rows}
    assert shown == {
        "payment": (
            "checkout", "cart_event:payment_failed", {}, "cart_event:payment_failed", "cart_event:payment_failed",
        ),
        "page": ("checkout", "cart_event:checkout_started", {"page": "/pay"}, "page_view:view", "page_view:view"),
        "hold": ("hold", "support_call:held", {"topic": "billing", "answered": "1"}, "support_call:held", None),
        "visit": ("call", "support_call:queued", {"topic": "repair", "answered": "0"}, "case_event:updated", None),
        "nothing": ("call", "support_call:queued", {"topic": "repair", "answered": "0"}, None, None),
        "again": ("call", "support_call:queued", {"answered": "1"}, "support_call:held", None),
        "slow": ("cart", "cart_event:item_added", {"page": "/slow"}, None, None),
        "slower": ("cart", "cart_event:item_added", {}, None, None),
        "survey": (
            "survey", "survey_answer:answered", {"survey": "after-call", "question": "q1"},
            "support_call:ended", "support_call:ended",
        ),
    }  # fmt: skip


def test_a_cart_that_a_guest_began_is_left_in_the_journey_of_whoever_the_guest_was(
    chdb: Engine, tmp_path: Path
) -> None:
    """The guest fills it five days before the login, which is too long to be of the customer's journey."""
    shop = Shop(seed=1, first=FIRST, days=1)
    shop.add("case_event", FIRST, "mia", case_id="t", phase="updated", by="agent")
    for day, extra in ((0, {}), (5, {"customer_id": "mia"})):
        shop.lines.append({
            "kind": "cart_event", "event_id": f"e{day}", "source": "s", "occurred_at": FIRST + day * DAY + HOUR,
            "identifiers": {"cookie": "k"}, "cart_id": "k", "action": "item_added", **extra,
        })  # fmt: skip
    world = play(chdb, tmp_path, shop.lines, until=FIRST + 40 * DAY)
    rows = rows_of(chdb, "SELECT * FROM abandonment_causes")

    assert list(unequal("abandonment_causes", CAUSE_KEY, rows, abandonment_causes(world))) == []
    (row,) = rows
    assert (row["customer_id"], row["left_event_id"], row["cause_step"]) == ("mia", "e5", "case_event:updated")
    assert not row["journey_id"].startswith("mia")
