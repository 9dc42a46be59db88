"""Which records there are, and how their messages begin."""

from __future__ import annotations

import pytest

from schemas.inputs import input_topics
from schemas.kinds import KINDS
from touchline.errors import CommandError
from touchline.records.examples import example_message
from touchline.records.listing import kind_named, record_versions, schema_named


def test_every_kind_has_its_record_in_force() -> None:
    assert [(one.kind, one.topic) for one in record_versions()] == [(k.name, k.topic) for k in KINDS.values()]


def test_a_message_begins_as_the_list_says() -> None:
    for one in record_versions():
        assert example_message(one.kind).startswith(one.header)


def test_earlier_versions_are_counted_from_one() -> None:
    for kind in KINDS.values():
        versions = [one.version for one in record_versions(every=True) if one.kind == kind.name]
        assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize("name", ["purchase", "Purchase", "PURCHASE", "touchpoints.purchases.v1"])
def test_a_kind_may_be_called_by_its_record_or_topic(name: str) -> None:
    assert kind_named(name) == "purchase"
    assert schema_named(name)["name"] == "Purchase"


def test_a_signals_schema_is_shown_too() -> None:
    assert schema_named("followup")["name"] == "FollowUp"


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(CommandError, match="'purchases'; the kinds are purchase, tweet"):
        kind_named("purchases")


def test_topics_of_the_setting_are_listed_and_name_their_kind_where_they_have_one() -> None:
    inputs = input_topics("purchase=shop.orders+shop.refunds,cart_event=web,page_view=web")

    listed = {one.kind: one.topic for one in record_versions(inputs)}
    assert listed["purchase"] == "shop.orders, shop.refunds"
    assert listed["page_view"] == "web"
    assert listed["tweet"] == "touchpoints.tweets.v1"
    assert kind_named("shop.refunds", inputs) == "purchase"
    with pytest.raises(CommandError, match="topic web carries several kinds: name one of cart_event, page_view"):
        kind_named("web", inputs)
