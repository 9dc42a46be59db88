"""Wilson's interval holds each share that its figures do not speak against, and is written in one place.

It holds the true share, too, where customers answer more than once.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from sinks.database import select
from sinks.intervals import filled, wilson
from sinks.migrate import shipped
from tests.contract.engine import Engine
from tests.oracle.shares import interval

Z = 1.959963984540054


@pytest.mark.embedded
@pytest.mark.parametrize(("counted", "of"), [(0, 1), (0, 10), (1, 3), (30, 60), (97, 100), (10, 10), (1, 1_000_000)])
def test_an_end_is_the_share_from_which_the_figures_are_as_far_as_they_may_be(
    chdb: Engine, counted: int, of: int
) -> None:
    ends = ", ".join(wilson(end, str(counted), str(of)) for end in ("low", "high"))
    ((low, high),) = select(chdb, f"SELECT {ends}")
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    seen = counted / of

    # By its definition: as many standard errors, each of them that of the true share, away from what is seen.
    for end in (low, high):
        assert abs(seen - end) == pytest.approx(Z * (end * (1 - end) / of) ** 0.5, abs=1e-9)
    assert low <= seen <= high


TRUE, SURVEYS, A_QUERY = 0.7, 500, 125
Draw = Callable[[random.Random], list[int]]
"""Draws how many answers each customer of a survey gives."""
Survey = list[tuple[int, int]]
"""How many answers each customer has given, and how many of them are good."""


def thrice(rng: random.Random) -> list[int]:
    """Return what ten customers give who answer two to four times."""
    return [rng.choice((2, 3, 4)) for _ in range(10)]


def unevenly(rng: random.Random) -> list[int]:
    """Return what thirty customers give of whom some answer often, and one gives a fifth of all answers."""
    others = [min(12, 1 + int(rng.expovariate(0.5))) for _ in range(29)]
    return [sum(others) // 4, *others]


def several(rng: random.Random) -> list[int]:
    """Return what eighty customers give who answer one to five times."""
    return [rng.randint(1, 5) for _ in range(80)]


def many(rng: random.Random) -> list[int]:
    """Return what two hundred customers give who answer three to eight times."""
    return [rng.randint(3, 8) for _ in range(200)]


def once(_rng: random.Random) -> list[int]:
    """Return what forty customers give who answer once."""
    return [1] * 40


def surveys(draw: Draw, alike: float) -> list[Survey]:
    """Make surveys up: each customer's answers are good by a chance of their own, a beta variate."""
    rng = random.Random(11)
    a, b = TRUE * (1 - alike) / alike, (1 - TRUE) * (1 - alike) / alike
    made = []
    for _ in range(SURVEYS):
        chances = [(answers, rng.betavariate(a, b)) for answers in draw(rng)]
        made.append([(answers, sum(rng.random() < good for _ in range(answers))) for answers, good in chances])
    return made


def intervals(chdb: Engine, made: list[Survey]) -> list[tuple[float, float]]:
    """Return the interval that the SQL gives for each survey."""
    found: list[tuple[float, float]] = []
    for first in range(0, len(made), A_QUERY):
        found += intervals_of_few(chdb, made[first : first + A_QUERY])
    return found


def intervals_of_few(chdb: Engine, made: list[Survey]) -> list[tuple[float, float]]:
    """Return the intervals of so few surveys that a query may hold them."""
    rows = [[number, *customer] for number, survey in enumerate(made) for customer in survey]
    sql = f"""
        SELECT {{wilson low of good_worth in worth}}, {{wilson high of good_worth in worth}}
        FROM
        (
            SELECT
                sum(m) AS n, sum(k) AS good, {{customers of k in m}} AS customers,
                {{spread of good in n by customers}} AS spread, n / spread AS worth, good / spread AS good_worth
            FROM (SELECT arrayJoin({rows}) AS row, row[2] AS m, row[3] AS k)
            GROUP BY row[1] ORDER BY row[1]
        )"""
    return [(float(str(low)), float(str(high))) for low, high in select(chdb, filled(sql))]


@pytest.mark.embedded
@pytest.mark.parametrize("alike", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("draw", [thrice, unevenly, several])
def test_an_interval_holds_the_true_share_where_customers_answer_often(chdb: Engine, draw: Draw, alike: float) -> None:
    found = intervals(chdb, surveys(draw, alike))

    assert sum(low <= TRUE <= high for low, high in found) / SURVEYS >= 0.93


@pytest.mark.embedded
@pytest.mark.parametrize("draw", [thrice, unevenly, many, once])
def test_answers_of_one_customer_are_worth_fewer_and_single_ones_as_many_as_they_are(chdb: Engine, draw: Draw) -> None:
    made = [*surveys(draw, 0.3)[:40], [(3, 3)] * 10, [(2, 0)] * 10, [(4, 2)], [(1, 1)]]

    for found, survey in zip(intervals(chdb, made), made, strict=True):
        assert found == pytest.approx(interval(survey), abs=1e-9)


def test_the_second_computation_is_wilsons_of_one_answer_a_customer_where_all_say_the_same() -> None:
    # By hand: of ten good ones, and of one of which half is.
    assert interval([(3, 3)] * 10) == pytest.approx((10 / (10 + Z * Z), 1))
    assert interval([(4, 2)]) == pytest.approx((0.5 - 0.5 * Z / (1 + Z * Z) ** 0.5, 0.5 + 0.5 * Z / (1 + Z * Z) ** 0.5))


def test_of_many_customers_the_interval_is_as_wide_as_their_answers_vary() -> None:
    made = surveys(many, 0.3)[:100]
    widths = [high - low for low, high in map(interval, made)]
    # By the design effect of a mean of clusters (Kish): of m answers each it is 1 + (m - 1) * 0.3, of 3 to 8 about 2.5.
    observations = [sum(answers for answers, _ in survey) for survey in made]
    expected = [2 * Z * (TRUE * (1 - TRUE) / n * 2.5) ** 0.5 for n in observations]

    assert sum(widths) / sum(expected) == pytest.approx(1, abs=0.08)


def test_every_place_of_an_interval_is_filled() -> None:
    places = ("{wilson", "{student", "{customers", "{spread", "{group")

    assert not [migration.name for migration in shipped() if any(name in migration.sql for name in places)]
