"""The view of friction says who could not pay, and who did not, worked out a second time."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.contract.engine import Engine
from tests.oracle.friction import Payment, payments
from tests.oracle.groups import share_interval
from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.sinks.made_up import MadeUp, Row, play, rows_of

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp() * 1000)
ZONE = ZoneInfo("Asia/Kolkata")


class Till(MadeUp):
    """Makes up checkouts and looks at invoices."""

    def check_out(self, customer: str) -> None:
        at, cart_id = self.start(), f"k-{len(self.lines)}"
        actions = [
            "item_added",
            *self.random.choices(("checkout_started", "payment_failed", "ordered", "cleared"), k=4),
        ]
        for action in actions[: self.random.randint(1, 5)]:
            self.add("cart_event", at, customer, cart_id=cart_id, action=action, value_minor=100, currency="EUR")
            at = self.later(at, 10 * MINUTE)

    def look_at_invoices(self, customer: str) -> None:
        at = self.start()
        for _ in range(self.random.randint(1, 4)):
            action = self.random.choice(("invoice_viewed", "invoice_viewed", "invoice_paid", "view"))
            self.add("page_view", at, customer, page="/invoice", area="portal", action=action)
            at = self.later(at, self.random.choice((HOUR, 40 * DAY)))


def local_day(at: int) -> int:
    return datetime.fromtimestamp(at / 1000, ZONE).toordinal()


def month(at: int) -> str:
    begins = datetime.fromtimestamp(at / 1000, ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return f"{begins.astimezone(UTC):%Y-%m-%d %H:%M:%S.000}"


def test_whatever_stops_a_payment_is_shown_by_month(chdb: Engine, tmp_path: Path) -> None:
    till = Till(seed=3, first=FIRST, days=60)
    for number in range(150):
        till.check_out(f"c{number % 40}")
        till.look_at_invoices(f"c{number % 50}")
    world = play(chdb, tmp_path, till.lines, "Asia/Kolkata")
    expected: dict[tuple[str, str], list[Payment]] = defaultdict(list)
    judged: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
    for name, history in world.people.items():
        for one in payments(history.touches, world.clock, local_day):
            expected[month(one.at), one.kind].append(one)
            if one.went_wrong is not None:
                judged[month(one.at), one.kind].append((name, float(one.went_wrong)))
    found = {(row["month"], row["kind"]): row for row in rows_of(chdb, "SELECT * FROM friction")}

    assert found.keys() == expected.keys()
    for key, ones in expected.items():
        row, known = found[key], [one for one in ones if one.went_wrong is not None]
        wrong = sum(one.went_wrong is True for one in known)
        counts = [int(row[name]) for name in ("n", "counted", "overcome", "undecided")]
        assert counts == [len(known), wrong, sum(one.overcome for one in ones), len(ones) - len(known)], key
        assert row["share"] == (pytest.approx(wrong / len(known)) if known else None), key
        ends = share_interval(judged[key]) if known else (None, None)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(ends, abs=1e-9), key
        assert row["enough"] == (len(known) >= 30), key
    assert {kind for _, kind in found} == {"payment_failed", "invoice_unpaid"}
    assert sum(int(row["overcome"]) for row in found.values()) > 0
    assert sum(int(row["undecided"]) for row in found.values()) > 0


def test_an_invoice_is_unpaid_once_thirty_days_have_passed(chdb: Engine, tmp_path: Path) -> None:
    view = {"kind": "page_view", "source": "s", "page": "/invoice", "area": "portal"}
    lines: list[Row] = [
        {**view, "event_id": f"e{number}", "customer_id": who, "action": action, "occurred_at": FIRST + later}
        for number, (who, action, later) in enumerate(
            (
                ("pays", "invoice_viewed", 0),
                ("pays", "invoice_viewed", HOUR),
                ("pays", "invoice_paid", 30 * DAY),
                ("pays late", "invoice_viewed", 0),
                ("pays late", "invoice_paid", 30 * DAY + 1),
                ("paid before", "invoice_paid", 0),
                ("paid before", "invoice_viewed", 1),
                ("may still pay", "invoice_viewed", DAY),
            )
        )
    ]
    play(chdb, tmp_path, lines, until=FIRST + 31 * DAY)
    (row,) = rows_of(chdb, "SELECT * FROM friction")

    assert (row["kind"], int(row["n"]), int(row["counted"]), int(row["undecided"])) == ("invoice_unpaid", 3, 2, 1)
