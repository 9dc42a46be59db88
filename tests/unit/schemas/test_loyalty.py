"""Loyalty is measured by the defaults, but for what a business says."""

from __future__ import annotations

import pytest

from schemas.loyalty import read_loyalty


def test_nothing_said_leaves_the_defaults() -> None:
    said = "at_risk=2,attribution=first_order,lapsed=4,loyal_days=3,margin=1,mend=12,method=bg_nbd,rhythm_days=30"

    assert read_loyalty("") == said


def test_all_settings_are_said_in_one_order_however_they_are_written() -> None:
    said = "at_risk=1.5,attribution=first_touch,lapsed=4,loyal_days=3,margin=0.4,mend=12,method=rfm,rhythm_days=30"

    assert read_loyalty(" method = rfm,, margin=0.40,at_risk=1.5,attribution=first_touch,") == said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("margin", "'margin' says nothing: write margin=0.4"),
        ("margins=0.4", "did you mean margin"),
        ("margin=0.4,margin=0.5", "margin is there twice"),
        ("margin=40", "margin: '40' is no share"),
        ("margin=0", "margin: '0' is no number above 0, as 1 is"),
        ("mend=nan", "is no number above 0"),
        ("mend=inf", "is no number above 0"),
        ("rhythm_days=", "is no number above 0"),
        ("method=rmf", "method: 'rmf' is none of bg_nbd, rfm"),
        ("at_risk=5", "at_risk=5 comes after lapsed=4"),
    ],
)
def test_what_is_no_setting_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_loyalty(text)
