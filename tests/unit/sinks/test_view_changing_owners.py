"""A guest whose window a login has cut in two: `customers` says of each part what `touchpoints` and `journeys` say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.rows import TABLES
from sinks.database import select
from tests.contract.engine import Engine
from tests.unit.journeys import play
from tests.unit.journeys.play import HOUR, MINUTE, order, seen_page
from tests.unit.journeys.two_partitions import GUEST, Two, owners
from tests.unit.sinks.test_view_owners import PROFILE, T0, own
from tests.unit.sinks.views import DAY, write

pytestmark = pytest.mark.embedded

WINDOW = T0 - 30 * DAY
"""From then on the profile is ann's, who logs in at T0."""
ROW: dict[str, Any] = {"refunded_minor": 0, "experience_sum": 0, "experience_n": 0, "last_nps": None, "open_cases": 0}


def touched(chdb: Engine, day: int, event_id: str = "", **fields: object) -> None:
    """Store a touchpoint of the profile's journeys: by default a page view, stated by the profile itself."""
    says_nothing = {"action": "", "experience": None, "value_minor": None, "currency": None, "subject_id": ""}
    plain = {"kind": "page_view", "stated_key": PROFILE, "customer_id": PROFILE, **says_nothing}
    write(chdb, "touchpoints", event_id=event_id or f"e{day}", occurred_at=T0 + day * DAY, **plain | fields)


def purchased(
    chdb: Engine, day: int, event_id: str, amount: int, action: str = "placed", currency: str = "EUR"
) -> None:
    touched(
        chdb, day, event_id, kind="purchase", action=action, subject_id=event_id, value_minor=amount, currency=currency
    )  # fmt: skip


def answered(chdb: Engine, day: int, event_id: str, score: int, experience: int) -> None:
    """Store an answer to the question of NPS."""
    said = {"question_kind": "nps", "score": score}
    own_fields = [said.get(name) for name in TOUCHPOINT_KINDS["survey_answer"].own_fields]
    fields = msgspec.json.encode([{}, *own_fields])
    touched(chdb, day, event_id, kind="survey_answer", action="answered", experience=experience, fields=fields)


def profile(chdb: Engine, **counted: object) -> None:
    """Store the profile's row, from 60 to 20 days before the login."""
    write(
        chdb, "customers", customer_id=PROFILE, first_seen_at=T0 - 60 * DAY, last_seen_at=T0 - 20 * DAY, **ROW | counted
    )


def customers(chdb: Engine, columns: str) -> dict[str, list[object]]:
    return {str(name): found for name, *found in select(chdb, f"SELECT customer_id, {columns} FROM customers")}


def test_views_agree_on_an_order_that_a_guest_placed_two_months_before_the_login(chdb: Engine) -> None:
    """Played through the log: an order 60 days before, a page 20 days before, and one with the login."""
    log = Two().send(order(-60 * DAY, 500, customer_key=GUEST, event_id="o"))
    log.send(seen_page(-20 * DAY, customer_key=GUEST, event_id="p")).at(-MINUTE)
    log.send(owners(7, (0, "ann"))).send(seen_page(0, event_id="l")).at(HOUR)
    for table in ("customers", "touchpoints", "journeys"):
        names = TABLES[table].__struct_fields__
        chdb.write(table, [tuple(row[name] for name in names) for row in log.tables.rows[table].values()])
    own(chdb, 1, (play.T0 - 30 * DAY, "ann"), value="k")

    assert select(chdb, "SELECT event_id, customer_id FROM touchpoints ORDER BY event_id") == [
        ["l", "ann"], ["o", GUEST], ["p", "ann"]
    ]  # fmt: skip
    revenue = "SELECT customer_id, sum(revenue_minor) FROM journeys GROUP BY customer_id ORDER BY customer_id"
    assert select(chdb, revenue) == [["ann", 0], [GUEST, 500]]
    assert customers(chdb, "touchpoints, purchases, spend_minor, order_days, status") == {
        "ann": [2, 0, 0, 0, "active"],
        GUEST: [1, 1, 500, 1, "inactive"],
    }


def test_each_owner_has_the_sums_of_their_own_time(chdb: Engine) -> None:
    """The row says 8 touchpoints and 2 orders; 4 and 1 are the guest's, 4 and 1 ann's, who has 2 and 1 of her own."""
    purchased(chdb, -60, "o1", 500)
    answered(chdb, -59, "a1", 3, -4_000)
    touched(chdb, -58, kind="support_call", experience=-6_000)
    purchased(chdb, -57, "o1 refunded", 120, action="refunded")
    purchased(chdb, -25, "o2", 70)
    answered(chdb, -24, "a2", 10, 9_000)
    purchased(chdb, -22, "o2 refunded", 5, action="refunded")
    touched(chdb, -20)
    profile(chdb, touchpoints=8, purchases=2, spend_minor=570, currency="EUR", status="lost", open_cases=1)
    write(
        chdb, "customers", customer_id="ann", first_seen_at=T0, last_seen_at=T0 + DAY, touchpoints=2, purchases=1,
        spend_minor=300, currency="EUR", status="active", **ROW | {"experience_sum": 1_000, "experience_n": 1},
    )  # fmt: skip
    own(chdb, 1, (WINDOW, "ann"))

    found = customers(
        chdb,
        "touchpoints, purchases, spend_minor, refunded_minor, currency, round(experience_mean, 4), last_nps, "
        "open_cases, status, toString(first_seen_at), toString(last_seen_at)",
    )

    # T0 is 2023-11-14 22:13:20. Ann's mean: (0.9 + 0.1) / 2. The open case and the last shift are of the row's end.
    assert found == {
        PROFILE: [4, 1, 500, 120, "EUR", -0.5, 3, 0, "inactive", "2023-09-15 22:13:20.000", "2023-09-18 22:13:20.000"],
        "ann": [6, 2, 370, 5, "EUR", 0.5, 10, 1, "active", "2023-10-20 22:13:20.000", "2023-11-15 22:13:20.000"],
    }


def test_what_the_row_has_not_counted_is_in_no_part_of_it(chdb: Engine) -> None:
    """A cancelled order, a statement that no longer holds, a late one, one of a former life, one that is ahead."""
    purchased(chdb, -60, "o1", 500)
    purchased(chdb, -50, "o2 at first", 900)
    purchased(chdb, -49, "o2", 0)
    touched(chdb, -45, late=True)
    touched(chdb, -200)
    touched(chdb, -20)
    touched(chdb, 400, ahead=True)
    write(chdb, "superseded", customer_id=PROFILE, event_id="o2 at first")
    profile(chdb, touchpoints=4, purchases=1, spend_minor=500, currency="EUR", status="inactive")
    own(chdb, 1, (WINDOW, "ann"))

    assert customers(chdb, "touchpoints, purchases, spend_minor") == {PROFILE: [3, 1, 500], "ann": [1, 0, 0]}


def test_money_of_a_part_is_in_its_own_first_currency(chdb: Engine) -> None:
    purchased(chdb, -60, "o1", 500)
    purchased(chdb, -25, "o2", 70, currency="USD")
    purchased(chdb, -20, "o3", 9)
    profile(chdb, touchpoints=3, purchases=3, spend_minor=509, currency="EUR", status="inactive")
    own(chdb, 1, (WINDOW, "ann"))

    assert customers(chdb, "purchases, spend_minor, currency") == {PROFILE: [1, 500, "EUR"], "ann": [2, 70, "USD"]}


def test_touchpoints_of_all_its_keys_are_counted(chdb: Engine) -> None:
    """Of a device that was linked to the cookie, of a case that it opened, and of one whose link was taken back."""
    touched(chdb, -60)
    touched(chdb, -59, stated_key="anon:device:d")
    touched(chdb, -58, stated_key="anon:case:17")
    touched(chdb, -57, stated_key="anon:device:back")
    touched(chdb, -22, stated_key="anon:device:d")
    touched(chdb, -20, stated_key="anon:case:17")
    profile(chdb, touchpoints=6, purchases=0, spend_minor=0, currency="", status="inactive")
    own(chdb, 1, (WINDOW, "ann"))
    own(chdb, 1, (T0 - 70 * DAY, PROFILE), (WINDOW, "ann"), kind="device", value="d")
    own(chdb, 1, (T0 - 70 * DAY, PROFILE), kind="device", value="back")
    own(chdb, 2, kind="device", value="back")

    expected = {PROFILE: [3], "ann": [2], "anon:device:back": [1]}
    assert customers(chdb, "touchpoints") == expected
    shown = select(chdb, "SELECT customer_id, toInt32(count()) FROM touchpoints GROUP BY customer_id")
    assert {name: [number] for name, number in shown} == expected


def test_three_owners_of_one_row_have_a_part_each(chdb: Engine) -> None:
    """The first and the last are one: the row is theirs at both its ends, and bob's between."""
    for day in (-60, -40, -39, -20):
        touched(chdb, day)
    profile(chdb, touchpoints=4, purchases=0, spend_minor=0, currency="", status="inactive")
    own(chdb, 1, (T0 - 80 * DAY, "ann"), (T0 - 41 * DAY, "bob"), (WINDOW, "ann"))

    assert customers(chdb, "touchpoints") == {"ann": [2], "bob": [2]}


def test_touchpoints_of_others_are_not_read_for_it(chdb: Engine) -> None:
    chdb.execute(
        "INSERT INTO touchline.touchpoints_rows (event_id, kind, occurred_at, stated_key, customer_id, version, "
        f"fields) SELECT toString(number), 'page_view', fromUnixTimestamp64Milli({WINDOW}), "
        "concat('c', leftPad(toString(number), 6, '0')) AS key, key, 1, '[{}]' FROM numbers(200000)"
    )
    touched(chdb, -60)
    touched(chdb, -20)
    profile(chdb, touchpoints=2, purchases=0, spend_minor=0, currency="", status="inactive")
    own(chdb, 1, (WINDOW, "ann"))

    read = msgspec.json.decode(chdb.query("SELECT customer_id, touchpoints FROM customer_totals ORDER BY customer_id"))

    assert [(row["customer_id"], int(row["touchpoints"])) for row in read["data"]] == [("ann", 1), (PROFILE, 1)]
    assert read["statistics"]["rows_read"] < 50_000
