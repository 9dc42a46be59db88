"""Which number of partitions fits the topics that are there."""

from __future__ import annotations

import pytest

from schemas.topics import JOURNEYS_LOG, JOURNEYS_STATE, all_topics
from streams.kafka.partitions import misfit, misspelt

ALL = [topic.name for topic in all_topics()]
CARTS, TWEETS = "touchpoints.cart_events.v1", "touchpoints.tweets.v1"


@pytest.mark.parametrize("counts", [{}, {TWEETS: 4}, dict.fromkeys(ALL, 4)])
def test_topics_with_the_number_that_is_set_fit(counts: dict[str, int]) -> None:
    assert misfit(4, counts) == ""


def test_a_number_that_all_topics_have_is_the_one_to_set_and_they_are_not_all_named() -> None:
    said = misfit(4, dict.fromkeys(ALL, 12))

    assert said.endswith("set TOUCHLINE_PARTITIONS=12, as all that are there have 12")
    assert f"and {len(ALL) - 3} more have 12 partitions" in said
    assert sum(name in said for name in ALL) == 3


def test_inputs_with_different_numbers_are_brought_to_the_highest_for_partitions_cannot_be_taken_away() -> None:
    said = misfit(4, {CARTS: 6, TWEETS: 1})

    assert f"TOUCHLINE_PARTITIONS is 4, but {TWEETS} has 1 partition; {CARTS} has 6 partitions." in said
    assert said.endswith(
        f"give {TWEETS} 6 too (kafka-topics.sh --alter --partitions 6), and set TOUCHLINE_PARTITIONS=6"
    )


def test_an_input_that_has_fewer_than_what_is_there_and_set_is_to_be_widened() -> None:
    said = misfit(4, {CARTS: 4, TWEETS: 1, JOURNEYS_LOG: 4})

    assert f"but {TWEETS} has 1 partition." in said
    assert f"give {TWEETS} 4 too" in said


@pytest.mark.parametrize("fixed", [[JOURNEYS_LOG], [JOURNEYS_LOG, JOURNEYS_STATE]])
def test_the_log_and_its_state_are_never_widened_under_data(fixed: list[str]) -> None:
    said = misfit(4, {CARTS: 6, TWEETS: 4, **dict.fromkeys(fixed, 4)})

    assert f"but {CARTS} has 6 partitions." in said
    assert f"nor added to {' and '.join(fixed)}; set TOUCHLINE_PARTITIONS=6, and run `touchline rebuild`" in said
    assert "--alter" not in said


@pytest.mark.parametrize(
    ("name", "there", "near"),
    [
        ("shop.ordres", "shop.orders", "shop.orders"),
        ("shop.order", "shop.orders", "shop.orders"),
        ("touchpoints.tweet.v1", "events", TWEETS),
        ("acme.orders.v2", "acme.orders.v1", None),
        ("shop.refunds", "shop.orders", None),
        ("shop.orders", "shop.orders", None),
        ("events", "other", None),
    ],
)
def test_a_missing_input_that_is_called_nearly_as_a_topic_that_is_there_is_misspelt(
    name: str, there: str, near: str | None
) -> None:
    said = misspelt([name] if name != there else [], [name], [there])

    assert said == ("" if near is None else f"{name} is not there; did you mean {near}?")


def test_an_input_of_the_contract_is_spelt_right() -> None:
    assert misspelt([TWEETS], [TWEETS], ["touchpoints.tweet.v1"]) == ""
