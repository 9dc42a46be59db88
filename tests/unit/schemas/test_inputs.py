"""Which topics the inputs are: what `TOUCHLINE_TOPICS` says."""

from __future__ import annotations

import pytest

from schemas.inputs import CONTRACT_INPUTS, EXAMPLE, input_topics
from schemas.topics import KIND_TOPICS, TOPIC_KINDS, all_topics


def test_without_the_setting_each_kind_has_the_contracts_topic() -> None:
    assert input_topics("") == input_topics("  ") == CONTRACT_INPUTS
    assert {topic: CONTRACT_INPUTS.only_kind(topic) for topic in CONTRACT_INPUTS} == TOPIC_KINDS


def test_a_kind_comes_from_the_topics_that_are_named_and_the_others_from_the_contracts() -> None:
    inputs = input_topics("purchase=shop.orders+shop.refunds, tweet = social.posts")

    assert inputs.by_kind == {
        **{kind: (topic,) for kind, topic in KIND_TOPICS.items()},
        "purchase": ("shop.orders", "shop.refunds"),
        "tweet": ("social.posts",),
    }
    assert "touchpoints.purchases.v1" not in inputs
    assert inputs.only_kind("shop.refunds") == inputs.origin("shop.refunds") == "purchase"


def test_entries_of_one_kind_add_up_and_the_contracts_topic_may_be_kept() -> None:
    inputs = input_topics("tweet=a,tweet=touchpoints.tweets.v1+a,tweet=b")

    assert inputs.by_kind["tweet"] == ("a", "touchpoints.tweets.v1", "b")


def test_several_kinds_may_share_a_topic() -> None:
    inputs = input_topics("cart_event=web,page_view=web")

    assert inputs.kinds["web"] == ("cart_event", "page_view")
    assert inputs.only_kind("web") is None
    assert inputs.origin("web") == "web"


def test_the_star_stands_for_every_kind_beside_what_else_is_named() -> None:
    inputs = input_topics(EXAMPLE)

    assert inputs.kinds["events"] == tuple(KIND_TOPICS)
    assert list(inputs) == ["shop.orders", "shop.refunds", "events", "social.posts"]
    assert inputs.by_kind["purchase"] == ("shop.orders", "shop.refunds", "events")
    assert inputs.by_kind["page_view"] == ("events",)


def test_a_topic_that_is_no_input_has_no_kind() -> None:
    assert CONTRACT_INPUTS.only_kind("others") is None
    assert CONTRACT_INPUTS.origin("others") is None


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("shop.orders", r"entry 1, 'shop\.orders': it should look like kind=topic"),
        ("tweet=a,purchases=b", r"entry 2, 'purchases=b': there is no such kind; did you mean purchase\?"),
        ("tweet=a,", "entry 2, '': it should look like kind=topic"),
        ("tweet=", "entry 1, 'tweet=': a topic's name is missing"),
        ("tweet=a++b", r"entry 1, 'tweet=a\+\+b': a topic's name is missing"),
        ("tweet=a b", "'a b' is no name of a topic"),
        ("tweet=a\u202eb", r"entry 1, 'tweet=a\\\\u202eb': 'a\\\\u202eb' is no name of a topic"),
        ("tweet=..", r"'\.\.' is no name of a topic"),
        ("tweet=" + "a" * 250, "is no name of a topic: Kafka takes 1 to 249"),
        ("tweet=journeys.touchpoints.v1", r"journeys\.touchpoints\.v1 is one of touchline's own topics"),
        ("*=touchpoints.dlq.v1", r"touchpoints\.dlq\.v1 is one of touchline's own topics"),
        ("*=journeys.rebuild.v1", "is one of touchline's own topics"),
    ],
)
def test_an_entry_that_does_not_hold_is_named(setting: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        input_topics(setting)


def test_the_topics_that_are_needed_are_those_of_the_setting_and_touchlines_own() -> None:
    own = {topic.name for topic in all_topics()} - TOPIC_KINDS.keys()

    topics = all_topics(input_topics("*=events"))

    assert {topic.name for topic in topics} == {"events"} | own
    assert {topic.name for topic in topics if topic.any_partitions} == {"events"}
    assert {topic.name for topic in topics if not topic.is_ours} == {"events"}
