"""Figures of agreement, worked out by hand."""

from __future__ import annotations

import pytest

from streams.sentiment import figures_of


def test_figures_are_those_worked_out_by_hand() -> None:
    #          right, weak but right, 0, none, wrong | right, wrong | neutral, too strong
    scores = [-5000, -100, 0, None, 3000, 4000, -700, 499, 500]
    labels = [-1, -1, -1, -1, -1, 1, 1, 0, 0]
    found = figures_of(scores, labels)

    assert found.texts == 9
    assert found.sign == pytest.approx(3 / 7)
    assert found.both == pytest.approx((2 / 5 + 1 / 2) / 2)
    # Classes: -1 0 0 0 1 | 1 -1 | 0 1. F1: 2*1/(2+5), 2*1/(4+2), 2*1/(3+2).
    assert found.macro_f1 == pytest.approx((2 / 7 + 2 / 6 + 2 / 5) / 3)
    assert found.accuracy == pytest.approx(3 / 9)
    assert found.abstained == pytest.approx(1 / 9)
    assert found.speaks == pytest.approx(5 / 7)
    assert found.sign_spoken == pytest.approx(3 / 5)
