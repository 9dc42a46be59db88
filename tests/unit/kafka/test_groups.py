"""What a broker answers when groups are to be deleted."""

from __future__ import annotations

import pytest

from streams.kafka.client import BrokerError
from streams.kafka.groups import check_deleted

# Error codes of Kafka's protocol.
NONE, GROUP_AUTHORIZATION_FAILED, NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND = 0, 30, 68, 69


def test_a_group_that_is_deleted_or_was_not_there_is_no_error() -> None:
    check_deleted([("touchline-streams", NONE), ("touchline-sink", GROUP_ID_NOT_FOUND)])


def test_a_group_with_members_is_named_with_what_to_do() -> None:
    with pytest.raises(BrokerError, match="has joined the group touchline-sink meanwhile: stop it, and run this again"):
        check_deleted([("touchline-sink", NON_EMPTY_GROUP)])


def test_any_other_refusal_is_told() -> None:
    with pytest.raises(BrokerError, match=r"offsets of the group touchline-sink could not be deleted: .*authorized"):
        check_deleted([("touchline-sink", GROUP_AUTHORIZATION_FAILED)])
