"""The report says how many touchpoints are a named customer's, and shows people who came as several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import DAY, write
from tests.unit.touchline.pages import page_of
from tests.unit.touchline.stories import NOTHING, STORY, teller
from touchline.report.people import Appearance, People, Stitched
from touchline.report.people_page import print_people
from touchline.report.people_queries import read_people


def printed(story: dict[str, list[dict[str, object]]]) -> list[str]:
    page = page_of(lambda console: print_people(read_people(teller(story)), console), 80)
    return [line.rstrip() for line in page.splitlines()]


def test_shares_and_the_ways_in_which_somebody_came_are_told() -> None:
    assert printed(STORY)[2:] == [
        "94% of the touchpoints are of customers who are known by name.",
        "16% of all are theirs by a link alone: they state a cookie, address or such.",
        "C7 and 4 others are put together in one journey, the first so:",
        "  01 Sep 00:00  in a browser: page view",
        "  02 Sep 00:00  by a Twitter name: post",
        "  03 Sep 00:00  with the customer's number: purchase, placed",
        "  04 Sep 00:00  by an account of shop_app: cart, created",
    ]


def test_without_touchpoints_it_says_so() -> None:
    assert printed(NOTHING)[2:] == ["Nobody came."]


@pytest.mark.embedded
def test_the_journey_with_the_most_identities_is_shown_and_what_is_a_link_s_counted(chdb: Engine) -> None:
    """Ann comes in a browser, posts, and orders; Cay does not order; Dan orders first; bob states all at once."""

    def touched(event_id: str, day: int, kind: str, key: str, owner: str, **identifiers: str) -> None:
        action = {"purchase": "placed", "tweet": "customer"}.get(kind, "")
        write(
            chdb, "touchpoints", event_id=event_id, occurred_at=MAY_1 + day * DAY, kind=kind, action=action,
            stated_key=key, customer_id=owner, journey_id=f"{owner}#1", fields=msgspec.json.encode([identifiers]),
        )  # fmt: skip

    touched("a1", 0, "page_view", "anon:cookie:k", "ann", cookie="k")
    touched("a2", 1, "tweet", "anon:twitter:ann", "ann", twitter="ann")
    touched("a3", 2, "purchase", "ann", "ann", cookie="k", email="ann@example.com")
    touched("a4", 3, "page_view", "ann", "ann", cookie="k")
    touched("c1", 0, "page_view", "anon:cookie:c", "cay", cookie="c")
    touched("c2", 1, "tweet", "anon:twitter:cay", "cay", twitter="cay")
    touched("d1", 0, "purchase", "dan", "dan", cookie="d")
    touched("d2", 1, "tweet", "anon:twitter:dan", "dan", twitter="dan")
    touched("b1", 0, "page_view", "bob", "bob", cookie="b", email="bob@example.com", twitter="bob", phone="+1")
    touched("v1", 0, "page_view", "anon:cookie:v", "anon:cookie:v", cookie="v")

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        lines = chdb.query(sql, parameters, "JSONEachRow").splitlines()
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]

    assert read_people(ask) == People(
        touchpoints=10,
        named=9,
        linked=5,
        stitched_people=2,
        stitched=Stitched(
            "ann",
            [
                Appearance(MAY_1, "cookie", "page_view", ""),
                Appearance(MAY_1 + DAY, "twitter", "tweet", "customer"),
                Appearance(MAY_1 + 2 * DAY, "", "purchase", "placed"),
                Appearance(MAY_1 + 2 * DAY, "email", "purchase", "placed"),
            ],
        ),
    )
