"""One verdict a change: its level at every look, and its minimum numbers."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.verdicts import Cell, Effect, estimate_effect, joint_verdict
from tests.oracle.verdicts.looks import ALPHA, level_at


def effect(value: float, error: float = 1.0, freedom: float = 1e6, customers: int = 20, prefix: str = "c") -> Effect:
    """Return an effect whose error is made by `customers` customers alike, named after `prefix`."""
    part = customers**-0.5
    return Effect(
        value=value,
        error=error,
        freedom=freedom,
        customers_before=customers,
        customers_after=customers,
        effective_before=customers,
        effective_after=customers,
        influence={f"{prefix}{n}": part for n in range(customers)},
        controls=(),
    )


def test_the_bound_is_that_of_continuous_monitoring() -> None:
    # Jennison and Turnbull: sup |B| on [0, 1] exceeds 2.2414 with 5 %, so the last look has 2.5 %.
    normal = NormalDist()

    assert level_at(1.0) == pytest.approx(0.025)
    assert level_at(0.25) == pytest.approx(2 * normal.cdf(-2 * 2.241403), rel=1e-5)
    assert level_at(0.0) == 0.0
    assert level_at(2.0) == level_at(1.0)


def test_looking_every_hour_keeps_the_level() -> None:
    random, walks, hours = Random(5), 2000, 14 * 24
    ever = 0
    for _ in range(walks):
        position = 0.0
        for hour in range(1, hours + 1):
            position += random.gauss(0, 1)
            if abs(position) / hour**0.5 >= -NormalDist().inv_cdf(max(level_at(hour / hours) / 2, 1e-300)):
                ever += 1
                break

    # Three standard errors above the level.
    assert ever / walks <= ALPHA + 3 * (ALPHA * (1 - ALPHA) / walks) ** 0.5


def test_one_metric_alone_is_its_own_t_test() -> None:
    verdict = joint_verdict({"a": effect(2.6)}, 1.0)

    assert verdict.p == pytest.approx(2 * NormalDist().cdf(-2.6), rel=1e-3)
    assert verdict.answer == "better"
    assert joint_verdict({"a": effect(-2.6)}, 1.0).answer == "worse"
    assert joint_verdict({"a": effect(2.6)}, 0.5).answer == "no difference seen"


def test_metrics_of_other_customers_add_up_and_those_of_the_same_do_not() -> None:
    apart = joint_verdict({"a": effect(2.0), "b": effect(2.0, prefix="d")}, 1.0)
    same = joint_verdict({"a": effect(2.0), "b": effect(2.0)}, 1.0)

    assert apart.p == pytest.approx(2 * NormalDist().cdf(-(4 / 2**0.5)), rel=1e-3)
    assert same.p == pytest.approx(2 * NormalDist().cdf(-2.0), rel=1e-3)


def test_metrics_that_contradict_each_other_cancel_out() -> None:
    assert joint_verdict({"a": effect(5.0), "b": effect(-5.0, prefix="d")}, 1.0).answer == "no difference seen"


def test_below_the_minimum_there_is_no_verdict() -> None:
    few = effect(50.0, customers=9)
    lopsided = replace(effect(50.0), effective_after=4.9)

    for verdict in (joint_verdict({"a": few}, 1.0), joint_verdict({"a": lopsided, "b": None}, 1.0)):
        assert (verdict.answer, verdict.p) == ("too few to tell", None)
    verdict = joint_verdict({"few": few, "enough": effect(0.0)}, 1.0)
    assert verdict.answer == "no difference seen"
    assert set(verdict.left_out) == {"few"}


@given(st.floats(-5, 5), st.floats(0.05, 1.0), st.floats(3, 1000))
def test_the_interval_of_a_single_metric_excludes_zero_exactly_when_it_is_clear(
    value: float, share_seen: float, freedom: float
) -> None:
    verdict = joint_verdict({"a": effect(value, freedom=freedom)}, share_seen)
    low, high = verdict.interval("a")

    assert low <= value <= high
    if min(abs(low), abs(high)) > 1e-6:
        assert (low > 0 or high < 0) == (verdict.answer in {"better", "worse"})


def test_before_anything_was_seen_any_difference_is_possible() -> None:
    verdict = joint_verdict({"a": effect(9.0)}, 0.0)

    assert verdict.answer == "no difference seen"
    assert verdict.interval("a") == (float("-inf"), float("inf"))


@pytest.mark.parametrize("answers", [1, 2, 3, 5, 10, 15, 25])
def test_two_samples_of_one_distribution_are_seldom_called_different(answers: int) -> None:
    random, pairs = Random(answers), 300
    wrong = 0
    for _ in range(pairs):
        cells = [
            Cell(f"{day}/{n}", day, 1, random.choice((-1.0, 0.0, 1.0, 1.0))) for day in (-1, 0) for n in range(answers)
        ]
        wrong += joint_verdict({"nps": estimate_effect(cells, 1.0)}, 1.0).answer in {"better", "worse"}

    assert wrong / pairs <= ALPHA
