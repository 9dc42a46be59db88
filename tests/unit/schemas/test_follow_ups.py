"""The settings of follow-ups: what the file leaves out is as usual, and what does not hold is named."""

from __future__ import annotations

import pytest

from schemas.follow_ups import REASONS, FollowUpError, FollowUpRules, read_follow_ups
from schemas.units import DAY_MS, HOUR_MS, MINUTE_MS

FILE = """
ask_days = 60
asks = 3

[reasons.complaint]
contact_hours = 8

[reasons.worse]
enabled = false

[[owners]]
owner = "care-de"
reasons = ["complaint", "unanswered_post"]
topics = ["delivery"]
languages = ["de"]
min_spend_minor = 1000
channels = ["social"]

[[owners]]
owner = "phone"
channels = ["phone"]
"""


def test_without_a_file_the_usual_deadlines_hold() -> None:
    found = {
        reason: (one.enabled, one.opens_after_ms, one.due_ms, one.settle_ms, one.warn_hours)
        for reason, one in read_follow_ups("").reasons.items()
    }

    day = (True, 0, DAY_MS, 4 * DAY_MS, 4)
    assert found == {
        "poor_answer": day,
        "worse": day,
        "complaint": day,
        "abandoned_call": (True, 30 * MINUTE_MS, DAY_MS, 4 * DAY_MS, 4),
        "unanswered_post": (True, 4 * HOUR_MS, DAY_MS, 4 * DAY_MS, 4),
        "thank_you": (True, 0, 7 * DAY_MS, None, 0),
    }
    assert read_follow_ups("") == FollowUpRules()
    assert tuple(found) == REASONS


def test_what_the_file_says_of_a_reason_holds_and_the_rest_is_as_usual() -> None:
    rules = read_follow_ups(FILE)

    assert (rules.ask_days, rules.asks, rules.ask_ms) == (60, 3, 60 * DAY_MS)
    assert (rules.reasons["complaint"].contact_hours, rules.reasons["complaint"].settle_days) == (8, 4)
    assert [reason for reason, one in rules.reasons.items() if not one.enabled] == ["worse"]


@pytest.mark.parametrize(
    ("changes", "owner"),
    [
        ({}, "care-de"),
        ({"lang": "de-AT"}, "care-de"),
        ({"lang": "DE_ch"}, "care-de"),
        ({"lang": "den"}, ""),
        ({"lang": ""}, ""),
        ({"reason": "worse"}, ""),
        ({"topic": "billing"}, ""),
        ({"spend_minor": 999}, ""),
        ({"channel": "email"}, ""),
        ({"channel": "phone"}, "phone"),
    ],
)
def test_the_first_owner_who_fits_in_all_that_is_named_does_it(changes: dict[str, str], owner: str) -> None:
    usual = {"reason": "complaint", "topic": "delivery", "lang": "de", "spend_minor": 1_000, "channel": "social"}

    assert read_follow_ups(FILE).owner_of(**usual | changes) == owner  # type: ignore[arg-type]  # as the table says


def test_of_two_owners_who_fit_the_first_does_it() -> None:
    assert read_follow_ups('[[owners]]\nowner = "a"\n[[owners]]\nowner = "b"').owner_of("worse", "", "", 0, "") == "a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ask_dayz = 3", r"line 1: ask_dayz: there is no such key; did you mean ask_days\?"),
        ("asks = 1\n\n[reasons.complain]", r"line 3: reasons.complain: there is no such reason; .* complaint\?"),
        ("[reasons.worse]\nwarn_hour = 3", r"line 2: reasons.worse.warn_hour: .* did you mean warn_hours\?"),
        ('[[owners]]\nowner = "a"\nlanguage = ["de"]', r"line 3: owners\[0\].language: .* languages\?"),
        ('[[owners]]\nowner = "a"\nreasons = ["worst"]', r"owners\[0\].reasons: worst: .* did you mean worse\?"),
        ("[[owners]]", r"owners\[0\]: .*`owner`"),
        ("asks = -1", "asks: Expected `int` >= 0"),
        ("owners = 3", "owners: Expected `array`, got `int`"),
        ("reasons = 3", "reasons: Expected `object`, got `int`"),
        ("[reasons]\nworse = 3", "reasons.worse: Expected `object`, got `int`"),
        ('[reasons.worse]\ncontact_hours = "3"', "reasons.worse.contact_hours: Expected `int`, got `str`"),
        ("[reasons.worse]\ncontact_hours = 0", "reasons.worse.contact_hours: Expected `int` >= 1"),
        ("[reasons.worse]\nsettle_days = 29", "reasons.worse.settle_days: Expected `int` <= 28"),
        (
            "[reasons.abandoned_call]\nopens_after_minutes = 1440",
            "reasons.abandoned_call: it would open when it is due",
        ),
        ("asks = = 3", r"no TOML: .* line 1"),
    ],
)
def test_settings_that_do_not_hold_are_named(text: str, said: str) -> None:
    with pytest.raises(FollowUpError, match=said):
        read_follow_ups(text)
