"""Which dead letters can be sent back: those that hold a message that the place it names takes."""

from __future__ import annotations

import pytest

from schemas.dead_letters import DeadLetter
from touchline.dead_letters import returnable

TWEETS = "touchpoints.tweets.v1"
PARTITIONS = {TWEETS: 4, "other": 4}


def letter(value: bytes | None = b"v", topic: str = TWEETS, partition: int = 3) -> DeadLetter:
    return DeadLetter("undecodable", "", "ingest", topic, partition, 7, "", b"k", value)


def test_a_letter_with_its_message_and_a_place_that_is_there_is_returnable() -> None:
    assert returnable(letter(), PARTITIONS)
    assert returnable(letter(b"v" * (4_194_304 - 200)), PARTITIONS)


@pytest.mark.parametrize(
    "other",
    [
        letter(None),
        letter(topic="other"),
        letter(topic="touchpoints.page_views.v1"),
        letter(partition=-1),
        letter(partition=4),
        # Topics take messages of 4 MiB; that of dead letters takes twice as much.
        letter(b"v" * 4_194_304),
    ],
)
def test_any_other_is_not(other: DeadLetter) -> None:
    assert not returnable(other, PARTITIONS)
