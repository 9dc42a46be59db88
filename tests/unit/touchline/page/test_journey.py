"""The touchpoints of a journey: those that are the customer's now, found by the names that were ever theirs."""

from __future__ import annotations

import csv

import msgspec
import pytest
from starlette.testclient import TestClient

from tests.contract.engine import Engine
from tests.unit.sinks.test_view_owners import T0, own
from tests.unit.sinks.views import DAY, write
from touchline.page.screens.journey import MOST_STEPS, STEPS

pytestmark = pytest.mark.embedded

STORED = {
    "c": ("42", "42"),
    "k": ("anon:cookie:k", "anon:cookie:k"),
    "late": ("anon:cookie:late", "7"),
    "s": ("anon:order:1", "anon:cookie:k"),
    "t": ("anon:case:1", "42"),
    "other": ("8", "8"),
}
"""Keys that touchpoints state, and whose they were when they were stored, by what their event ids begin with."""
SHOWN = {
    # The cookie k was nobody's, is 7's from day 1 on, and 42's from day 3; an order's touchpoints follow it.
    "anon:cookie:k": {"k0", "s0"},
    "7": {"k1", "s1"},
    "42": {"c0", "c1", "c3", "t0", "t1", "t3", "k3", "s3", "late3"},
    "anon:cookie:late": {"late0", "late1"},
    "8": {"other0", "other1", "other3"},
    "nobody": set[str](),
}


@pytest.mark.parametrize("customer", SHOWN)
def test_a_journey_has_the_touchpoints_that_are_the_customer_s_now(
    customer: str, chdb: Engine, browser: TestClient
) -> None:
    for name, (key, owner) in STORED.items():
        for day in (0, 1, 3):
            at = T0 + day * DAY
            write(
                chdb, "touchpoints", event_id=f"{name}{day}", kind="page_view", occurred_at=at, stated_key=key,
                customer_id=owner,
            )  # fmt: skip
    own(chdb, 2, (T0 + DAY, "7"), (T0 + 3 * DAY, "42"), value="k")
    own(chdb, 1, (T0 + DAY, "8"), value="late")
    own(chdb, 2, (T0 + 2 * DAY, "42"), value="late")

    answer = browser.get(f"/journey/steps.csv?customer={customer}")

    assert {row["event_id"] for row in csv.DictReader(answer.text.splitlines())} == SHOWN[customer]


def test_of_a_customer_s_touchpoints_few_are_read(chdb: Engine) -> None:
    """Of 200,000 touchpoints of cookies, each linked to a customer."""
    chdb.execute(
        "INSERT INTO touchline.touchpoints_rows "
        "(event_id, kind, occurred_at, stated_key, customer_id, version, fields) "
        f"SELECT toString(number), 'page_view', fromUnixTimestamp64Milli({T0}), "
        "concat('anon:cookie:', leftPad(toString(number), 6, '0')) AS key, key, 1, '[{}]' FROM numbers(200000)"
    )
    chdb.execute(
        "INSERT INTO touchline.owners_rows (name, since, customer_ids, changed_at, version) "
        f"SELECT concat('anon:cookie:', leftPad(toString(number), 6, '0')), [fromUnixTimestamp64Milli({T0})], "
        f"[concat('c', toString(number))], fromUnixTimestamp64Milli({T0}), 1 FROM numbers(0, 200000, 100)"
    )

    values = {"customer": "c4200", "most": MOST_STEPS}
    answered = msgspec.json.decode(chdb.query(STEPS.sql, values))

    assert [row["event_id"] for row in answered["data"]] == ["4200"]
    assert answered["statistics"]["rows_read"] < 50_000
