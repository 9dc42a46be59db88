"""How often a topic is said to grow: rarely where nothing changes, and mostly where it doubles."""

from __future__ import annotations

import random
from math import sqrt

import pytest

from tests.oracle.topics import Mention, Trend, trend

TOPICS = 1_000


def customers(rnd: random.Random, expected: float, more: float, name: str) -> list[Mention]:
    """Return the mentions of about so many customers (Poisson); each has further ones with the probability `more`."""
    found: list[Mention] = []
    time, number = rnd.expovariate(expected), 0
    while time < 1:
        mention = Mention("t", "tweet", f"{name}{number}", "s", 0, None, "web")
        found.append(mention)
        while rnd.random() < more:
            found.append(mention)
        time, number = time + rnd.expovariate(expected), number + 1
    return found


def trends_of(seed: int, before: float, now: float, more: float) -> list[Trend]:
    rnd = random.Random(seed)
    both = [(customers(rnd, now, more, "n"), customers(rnd, before, more, "b")) for _ in range(TOPICS)]
    return [trend(of_now, of_before, 1, 1) for of_now, of_before in both]


@pytest.mark.parametrize("more", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("expected", [20, 60])
def test_what_does_not_change_grows_or_falls_as_rarely_as_its_interval_says(expected: float, more: float) -> None:
    verdicts = [one.verdict for one in trends_of(1, expected, expected, more)]
    # Of 95 % one side leaves out 2.5 %; three standard deviations of as many looks are left for chance.
    most = 0.025 * TOPICS + 3 * sqrt(0.025 * 0.975 * TOPICS)

    assert verdicts.count("grows") <= most
    assert verdicts.count("falls") <= most


def test_what_doubles_is_mostly_found() -> None:
    verdicts = [one.verdict for one in trends_of(2, 50, 100, 0.3)]

    # A customer has 1 / 0.7 mentions on average, and 1.3 / 0.7² as the mean of squares: so the ratio's logarithm varies
    # by √((1/50 + 1/100) * 1.3) = 0.197. ln 2 is 3.51 of that, and 3.51 - 1.96 = 1.55 standard deviations hold 94 %.
    assert verdicts.count("grows") >= 0.94 * TOPICS - 3 * sqrt(0.94 * 0.06 * TOPICS)
