"""What has moved to its owner, where more is told of whose its key is, by hand."""

from __future__ import annotations

from tests.unit.journeys.play import DAY, HOUR, seen_page
from tests.unit.journeys.two_partitions import GUEST, Two, owners


def test_what_stayed_its_owners_by_a_second_link_comes_back_when_all_is_taken_back() -> None:
    """The browser is Bob's from day 2 on, three days before his login. What was done on day -1 is Ann's still."""
    two = Two().send(seen_page(-DAY, customer_key=GUEST)).send(owners(7, (0, "ann")))
    two.send(owners(8, (0, "ann"), (5 * DAY, "bob")))
    assert owners_of_pages(two) == {"ann": 1}

    two.send(owners(9)).at(HOUR)

    assert owners_of_pages(two) == {GUEST: 1}


def owners_of_pages(two: Two) -> dict[object, object]:
    return {row["customer_id"]: row["touchpoints"] for row in two.seen("customers") if row["touchpoints"]}
