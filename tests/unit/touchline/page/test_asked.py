"""What an address asks for, and what is told of one that cannot be shown."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from touchline.page.asked import AskedError, Basis, Part, Period, read_asked
from touchline.page.language import preferred
from touchline.page.query import Query

TODAY = date(2024, 5, 3)
BERLIN = ZoneInfo("Europe/Berlin")
MAY_1 = 1_714_521_600_000


def test_without_a_period_it_is_the_28_days_up_to_the_last_one_with_a_metric() -> None:
    asked = read_asked({}, Basis(BERLIN, last_at=MAY_1 - 2 * 3_600_000), TODAY)

    assert asked.period == Period(date(2024, 4, 4), date(2024, 5, 1))
    assert read_asked({}, Basis(BERLIN), TODAY).period == Period(date(2024, 4, 6), TODAY)


def test_a_day_is_that_of_the_business_also_where_clocks_change() -> None:
    since, until = Period(date(2024, 3, 31), date(2024, 3, 31)).bounds(BERLIN)

    assert since == 1_711_839_600_000  # 2024-03-30T23:00:00Z
    assert until - since == 23 * 3_600_000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"since": "yesterday"}, "“yesterday” is no day"),
        ({"since": "2024-05-03", "until": "2024-05-02"}, "begins on 2024-05-03, after it ends on 2024-05-02"),
        ({"since": "2020-01-01", "until": "2024-05-02"}, "more than 732 days"),
        ({"until": "0001-01-01"}, "outside of the years"),
        ({"part": "phone"}, "no part of the business"),
        ({"part": "channel:" + "x" * 2100}, "too long"),
    ],
)
def test_what_cannot_be_shown_is_told(words: dict[str, str], told: str) -> None:
    with pytest.raises(AskedError, match=told):
        read_asked(words, Basis(BERLIN), TODAY)


@pytest.mark.parametrize(
    ("hours", "age_s"),
    [
        (24, 1000),  # the last day, that of 1 May in Berlin, is just over
        (48, 1000),
        (49, 1000 - 25 * 3600),
        (49, None),
    ],
)
def test_ages_are_counted_until_the_data_end_however_far_the_clock_has_come(hours: int, age_s: float | None) -> None:
    last_at = MAY_1 - 2 * 3_600_000
    basis = Basis(BERLIN, last_at=last_at, clock_at=last_at + hours * 3_600_000)

    assert basis.age(None if age_s is None else 1000) == (None if age_s is None else max(0, age_s))
    assert basis.age(100_000) == 100_000 - (25 * 3600 if hours == 49 else 0)
    assert Basis(BERLIN).age(1000) == 1000


def test_a_part_may_have_any_value() -> None:
    asked = read_asked({"part": "campaign:spring: 'sale'"}, Basis(BERLIN), TODAY)

    assert asked.part == Part("campaign", "spring: 'sale'")


def test_sql_that_is_shown_has_its_values_as_literals() -> None:
    query = Query("q", "SELECT 1 WHERE a = {a:String} AND b IN {b:Array(String)} AND c > {c:Int64}")

    assert query.shown({"a": "it's \\", "b": ["x", "y"], "c": -3}) == (
        "SELECT 1 WHERE a = 'it\\'s \\\\' AND b IN ['x', 'y'] AND c > -3"
    )


def test_the_language_is_the_first_that_is_known() -> None:
    assert preferred("ur-PK,te;q=0.9,en;q=0.8", ["en", "ur", "te"]) == "ur"
    assert preferred("de, te;q=0.2, en;q=nonsense", ["en", "te"]) == "te"
    assert preferred("", ["en", "te"]) == "en"
