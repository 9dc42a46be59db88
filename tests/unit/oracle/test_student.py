"""Student's t distribution, against printed tables."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.verdicts.student import critical_value, two_sided_p


# Table III of Fisher and Yates, "Statistical Tables", two-sided.
@pytest.mark.parametrize(
    ("level", "freedom", "value"),
    [
        (0.05, 1, 12.706),
        (0.05, 2, 4.303),
        (0.05, 4, 2.776),
        (0.05, 10, 2.228),
        (0.05, 30, 2.042),
        (0.05, 120, 1.980),
        (0.01, 1, 63.657),
        (0.01, 9, 3.250),
        (0.01, 60, 2.660),
        (0.001, 5, 6.869),
        (0.001, 30, 3.646),
    ],
)
def test_quantiles_are_those_of_the_table(level: float, freedom: int, value: float) -> None:
    assert critical_value(level, freedom) == pytest.approx(value, abs=6e-4)


@given(st.floats(0, 50))
def test_one_and_two_degrees_of_freedom_have_closed_forms(t: float) -> None:
    assert two_sided_p(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t), rel=1e-9, abs=1e-12)
    assert two_sided_p(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), rel=1e-6, abs=1e-12)


@given(st.floats(0, 6))
def test_many_degrees_of_freedom_are_the_normal_distribution(t: float) -> None:
    assert two_sided_p(t, 1e8) == pytest.approx(math.erfc(t / math.sqrt(2)), rel=1e-4)


@given(st.floats(1e-12, 0.9), st.floats(1.5, 500))
def test_a_quantile_is_the_inverse_of_the_tail(level: float, freedom: float) -> None:
    assert two_sided_p(critical_value(level, freedom), freedom) == pytest.approx(level, rel=1e-6)


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        two_sided_p(1.0, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        critical_value(1.0, 5)
