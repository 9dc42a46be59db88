"""Targets are those that good service keeps, but for what a business says."""

from __future__ import annotations

import pytest

from schemas.targets import read_targets


def test_nothing_said_leaves_the_targets_that_good_service_keeps() -> None:
    assert read_targets("") == {"answered_in_24h": 0.9, "service_level": 0.8, "follow_ups_in_time": 0.9}


def test_a_target_may_be_set_anew_added_and_taken_away() -> None:
    said = " answered_in_24h = 0.95, promises_kept=1,, service_level=, follow_ups_in_time="

    assert read_targets(said) == {"answered_in_24h": 0.95, "promises_kept": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("answered_in_24h", "is no target: write answered_in_24h=0.95"),
        ("answered_in_24=0.9", "did you mean answered_in_24h"),
        ("call_abandonment_rate=0.05", "call_abandonment_rate' has no target"),
        ("csat=0.8,csat=0.9", "csat has two targets"),
        ("csat=90", "csat: '90' is no share: write a number above 0, up to 1"),
        ("csat=0", "is no share"),
        ("csat=nan", "is no share"),
        ("csat=most", "is no share"),
    ],
)
def test_what_is_no_target_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_targets(text)
