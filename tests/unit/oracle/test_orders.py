"""Orders: placed once, perhaps cancelled; and money, never added across currencies."""

from __future__ import annotations

from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.oracle.told import Story


def test_an_order_stated_by_two_systems_is_placed_once() -> None:
    story = Story()
    story.order(0, amount=2_380, source="shop", channel="web")
    story.order(HOUR, amount=2_000, source="books", channel="store")

    assert story.metric("orders") == story.metric("orders", "channel", "web") == [(0, 1, 1)]
    assert story.metric("revenue") == story.metric("revenue", "currency", "EUR") == [(0, 1, 2_000)]
    assert (story.customer()["purchases"], story.customer()["spend_minor"]) == (1, 2_000)
    assert (story.journey()["purchases"], story.journey()["revenue_minor"]) == (1, 2_000)
    assert story.superseded() == ["e01"]


def test_an_order_cancelled_by_amount_0_counts_nowhere() -> None:
    story = Story()
    story.order(0)
    story.order(HOUR, amount=0)

    assert story.metric("orders") == story.metric("revenue") == []
    row = story.customer()
    assert (row["purchases"], row["spend_minor"], row["currency"]) == (0, 0, "")
    assert story.journey()["outcome"] == "visited"


def test_an_order_cancelled_after_its_bucket_is_final_leaves_the_metrics() -> None:
    story = Story()
    story.order(0)
    story.order(4 * DAY, amount=0)

    assert story.metric("revenue") == [(0, 1, 1_000)]
    assert story.customer()["purchases"] == 0


def test_refunds_count_each_also_before_the_first_order_which_fixes_the_currency() -> None:
    story = Story()
    story.order(0, amount=500, action="refunded", currency="USD")
    story.order(1, amount=300, action="refunded")
    story.order(2, amount=300, action="refunded")
    story.order(HOUR, order="another", amount=0, currency="USD")
    story.order(DAY, amount=2_000)

    row = story.customer()
    # The order in dollars was cancelled; 300 twice in euros.
    assert (row["currency"], row["spend_minor"], row["refunded_minor"]) == ("EUR", 2_000, 600)


def test_sums_of_several_currencies_are_null_but_in_the_dimension_currency() -> None:
    story = Story()
    story.order(0, order="a", amount=100)
    story.order(MINUTE, order="b", amount=200, currency="USD")
    story.order(HOUR, order="a", amount=70, action="refunded")

    assert story.metric("revenue") == [(0, 1, None), (1, 1, None)]
    assert story.metric("revenue", "currency", "USD") == [(1, 1, 200)]
    assert story.metric("orders") == [(0, 1, 1), (1, 1, 1)]
    # All refunds are in one currency.
    assert story.metric("refunds") == [(60, 1, 70)]
