"""The oracle's own rule of who is who, on stories that are worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.owners import Stated, identities, owners, whose
from tests.oracle.touchpoints import DAY, HOUR

BEFORE = 3 * DAY


def told(*lines: tuple[str, int, dict[str, Any]]) -> dict[str, str]:
    """Return the owners of touchpoints, each with its event id, its time and what it states."""
    return owners((Stated(at, event_id, identities(record)) for event_id, at, record in lines), BEFORE)


def by(customer: str | None = None, **identifiers: str) -> dict[str, Any]:
    return {"customer_id": customer, "identifiers": identifiers}


def test_a_guest_who_logs_in_is_the_customer_from_three_days_before_on() -> None:
    found = told(
        ("earlier", -BEFORE - 1, by(cookie="k")),
        ("browses", -BEFORE, by(cookie="k")),
        ("orders", -HOUR, by(cookie="k", email="A@b.c")),
        ("logs in", 0, by("42", email="a@b.c")),
        ("returns", 90 * DAY, by(cookie="k")),
    )

    assert found == {
        # The guest's order links the browser to the address, three days before that order.
        "earlier": "anon:email:a@b.c",
        "browses": "42",
        "orders": "42",
        "logs in": "42",
        "returns": "42",
    }


def test_a_browser_is_the_first_customers() -> None:
    found = told(
        ("ann", 0, by("ann", cookie="k")),
        ("bob", DAY, by("bob", cookie="k")),
        ("either", 2 * DAY, by(cookie="k")),
        ("before", -4 * DAY, by(cookie="k")),
    )

    assert found == {"ann": "ann", "bob": "bob", "either": "ann", "before": "anon:cookie:k"}


def test_a_profile_has_the_strongest_name_and_of_two_of_a_kind_the_one_that_was_linked_first() -> None:
    found = told(
        ("second", 5 * DAY, by(email="b@b.c", cookie="k")),
        ("first", 0, by(email="z@b.c", cookie="k")),
        ("later", 6 * DAY, by(email="b@b.c")),
        ("early", 0, by(email="b@b.c")),
        ("called", 7 * DAY, by(phone="+49 30 1", device="d")),
    )

    assert found["later"] == found["first"] == "anon:email:z@b.c"
    assert (found["early"], found["called"]) == ("anon:email:b@b.c", "anon:phone:+49301")


def test_what_is_no_identity_links_nothing() -> None:
    found = told(("a", 0, by("guest", email="null", cookie="k")), ("b", 1, by("7", email="null", cookie="0")))

    assert found == {"a": "anon:cookie:k", "b": "7"}
    assert whose(by("GUEST ", cookie=" k ")) == "anon:cookie:k"


def test_what_may_have_passed_a_limit_is_not_decided() -> None:
    shop = [(f"e{number}", number, by(f"c{number}", phone="+49 30 1")) for number in range(4)]
    assert told(*shop[:3])["e2"] == "c2"

    with pytest.raises(ValueError, match="does not decide"):
        told(*shop)
