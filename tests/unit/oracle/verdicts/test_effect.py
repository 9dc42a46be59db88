"""The effect of a change on one metric: worked examples, and what holds for any."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.verdicts import Cell, Effect, estimate_effect
from tests.oracle.verdicts.design import choose_design, solve


def effect_of(before: list[float], after: list[float]) -> Effect:
    """Return the effect with one customer an observation, all on the days beside the change."""
    cells = [Cell(f"b{n}", -1, 1, value) for n, value in enumerate(before)]
    cells += [Cell(f"a{n}", 0, 1, value) for n, value in enumerate(after)]
    effect = estimate_effect(cells, 1.0)
    assert effect is not None
    return effect


def floor(*customers: int) -> float:
    """Return the variance of two more customers, half a point above and below the mean, on each side."""
    return sum(2 * (0.5 / n) ** 2 for n in customers)


def test_independent_customers_give_welchs_t() -> None:
    # Student's sleep data (Biometrika 6, 1908), the two drugs taken for independent groups: Welch's t is
    # -1.8608 with 17.776 degrees of freedom, the means 0.75 and 2.33.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

    effect = effect_of(first, second)

    assert effect.value == pytest.approx(1.58)
    unfloored = math.sqrt(effect.error**2 - floor(10, 10))
    assert effect.value / unfloored == pytest.approx(1.8608, abs=1e-4)
    assert effect.freedom == pytest.approx(17.776, abs=0.01)


def test_one_customers_many_answers_count_once() -> None:
    once = [Cell(f"c{n}", day, 1, n % 3 / 3) for n in range(12) for day in (-3, 3)]
    often = [cell._replace(n=50, total=50 * cell.total) for cell in once]

    one, many = estimate_effect(once, 1.0), estimate_effect(often, 1.0)

    assert one is not None
    assert many is not None
    assert many.error == pytest.approx(one.error)
    assert many.freedom == pytest.approx(one.freedom)
    assert many.effective_before == pytest.approx(12)


def test_customers_seen_before_and_after_are_compared_with_themselves() -> None:
    # Levels differ widely between customers, and each rises by the same: what remains is the floor.
    cells = [Cell(f"c{n}", day, 1, n / 10 + 0.2 * (day == 0)) for n in range(10) for day in (-1, 0)]

    effect = estimate_effect(cells, 1.0)

    assert effect is not None
    assert effect.value == pytest.approx(0.2)
    assert effect.error == pytest.approx(math.sqrt(floor(10, 10)))


@given(st.floats(-1, 1), st.integers(2, 40), st.integers(2, 40))
def test_equal_values_never_give_an_error_of_zero(value: float, before: int, after: int) -> None:
    effect = effect_of([value] * before, [value] * after)

    assert effect.value == pytest.approx(0, abs=1e-9)
    assert effect.error >= math.sqrt(floor(before, after)) * (1 - 1e-9)


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=20),
    st.lists(st.floats(-1, 1), min_size=2, max_size=20),
)
def test_to_swap_before_and_after_turns_the_sign_alone(before: list[float], after: list[float]) -> None:
    there, back = effect_of(before, after), effect_of(after, before)

    assert there.value == pytest.approx(-back.value, abs=1e-9)
    assert there.error == pytest.approx(back.error, rel=1e-6)
    assert there.freedom == pytest.approx(back.freedom, rel=1e-6)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20), st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_the_error_is_never_below_that_of_the_difference_it_stands_under(
    before: list[float], after: list[float]
) -> None:
    def variance(values: list[float]) -> float:
        mean = sum(values) / len(values)
        return sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)

    effect = effect_of(before, after)

    assert effect.error**2 >= (variance(before) + variance(after)) * (1 - 1e-6)


def test_a_trend_and_a_season_without_a_change_leave_no_effect() -> None:
    weekday = [0.3, 0.1, 0.0, -0.1, -0.3, 0.2, -0.2]
    days = {day: (40, 40 * (0.01 * day + weekday[day % 7])) for day in range(-42, 10)}

    design = choose_design(days, customers=40)

    assert design is not None
    assert design.controls == ("trend", "weekday")
    assert design.difference == pytest.approx(0, abs=1e-9)
    changed = {day: (n, total + 0.25 * n * (day >= 0)) for day, (n, total) in days.items()}
    stepped = choose_design(changed, customers=40)
    assert stepped is not None
    assert stepped.difference == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("history", "customers", "controls"),
    [
        (28, 40, ("trend", "weekday")),
        (27, 40, ("weekday",)),
        (6, 40, ()),
        (56, 39, ("trend",)),
    ],
)
def test_there_are_controls_where_history_and_customers_allow(
    history: int, customers: int, controls: tuple[str, ...]
) -> None:
    design = choose_design(dict.fromkeys(range(-history, 3), (1, 0.5)), customers)

    assert design is not None
    assert design.controls == controls
    assert design.first_day == (-56 if "trend" in controls else -14)


def test_nothing_before_or_nothing_after_gives_no_effect() -> None:
    assert estimate_effect([], 1.0) is None
    assert estimate_effect([Cell("a", -1, 1, 0.5), Cell("b", -1, 1, 0.5)], 1.0) is None
    assert estimate_effect([Cell("a", 1, 1, 0.5), Cell("b", 1, 1, 0.5)], 1.0) is None
    assert estimate_effect([Cell("a", -20, 1, 0.5), Cell("a", 1, 1, 0.5)], 1.0) is None
    assert estimate_effect([Cell("a", -1, 9, 4.5), Cell("b", 1, 9, 0.5)], 1.0) is None


def test_a_system_of_equations_is_solved_even_with_a_zero_on_its_diagonal() -> None:
    solutions = solve([[0.0, 2.0], [4.0, 1.0]], [[6.0, 11.0]])

    assert solutions is not None
    assert solutions[0] == pytest.approx([2.0, 3.0])
    assert solve([[1.0, 2.0], [2.0, 4.0]], [[6.0, 11.0]]) is None


def test_days_that_leave_a_control_undetermined_do_without_it() -> None:
    # One day of each weekday and one after the change: a line through them could have any slope.
    scattered = [-49, -41, -33, -25, -17, -9, -1]
    assert {day % 7 for day in scattered} == set(range(7))

    design = choose_design(dict.fromkeys([*scattered, 0], (10, 1.0)), customers=40)
    lonely = choose_design({-30: (10, 1.0), 0: (10, 1.0)}, customers=40)

    assert design is not None
    assert design.controls == ("trend",)
    assert lonely is None


@given(st.dictionaries(st.integers(-60, 13), st.integers(1, 9), max_size=30), st.integers(2, 60))
def test_any_days_give_a_design_or_none(counts: dict[int, int], customers: int) -> None:
    design = choose_design({day: (n, 0.5 * n) for day, n in counts.items()}, customers)

    if design is not None:
        assert design.difference == pytest.approx(0, abs=1e-6)
        assert sum(counts[day] * weight for day, weight in design.weights.items()) == pytest.approx(0, abs=1e-6)
