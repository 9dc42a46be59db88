"""What becomes of those who bought first in one month, worked out person by person from the touchpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from tests.oracle.compare import World
from tests.oracle.loyalty import people_of
from tests.oracle.shares import wilson
from tests.oracle.touchpoints import DAY, Touch

COHORT_KEY = ("cohort", "currency", "month")


def cohorts(world: World, month_of: Callable[[int], int]) -> Iterator[dict[str, Any]]:
    """Give the rows of the view.

    Args:
        month_of: gives when the month of a time begins; both ms.
    """
    visited: dict[tuple[int | None, str, int], int] = defaultdict(int)
    buyers: dict[tuple[int | None, str, int], set[str]] = defaultdict(set)
    placed: dict[tuple[int | None, str, int], list[int]] = defaultdict(list)
    for name, person in people_of(world).items():
        cohort = month_of(person.orders[0].at) if person.orders else None
        currency = person.orders[0].currency if person.orders else ""
        for month in {month_of(touch.at) for touch in person.touches if _looks_or_buys(touch)}:
            visited[cohort, currency, month] += 1
        for order in person.orders:
            key = (cohort, currency, month_of(order.at))
            buyers[key].add(name)
            placed[key].append(order.amount if order.currency == currency else 0)
    begun = {(cohort, currency) for cohort, currency, _ in buyers}
    quiet = {
        (cohort, currency, month)
        for cohort, currency in begun
        if cohort is not None
        for month in _months(cohort, month_of(world.clock), month_of)
    }
    for cohort, currency, month in visited.keys() | quiet:
        key = (cohort, currency, month)
        size = 0 if cohort is None else len(buyers[cohort, currency, cohort])
        bought = len(buyers[key])
        is_since = cohort is not None and month >= cohort
        low, high = wilson(bought / size, size) if is_since else (None, None)
        yield {
            **dict(zip(COHORT_KEY, key, strict=True)),
            "months_since": None if cohort is None else _distance(cohort, month, month_of),
            "existing": cohort is not None and month > cohort,
            "customers": size,
            "visited": visited[key],
            "bought": bought,
            "orders": len(placed[key]),
            "revenue_minor": sum(placed[key]),
            "retention": bought / size if is_since else None,
            "ci_low": low,
            "ci_high": high,
            "conversion": bought / visited[key] if visited[key] else None,
            "enough": size >= 30,
        }


def _looks_or_buys(touch: Touch) -> bool:
    return touch.kind in {"page_view", "cart_event"} or (touch.kind == "purchase" and touch.action == "placed")


def _months(first: int, last: int, month_of: Callable[[int], int]) -> Iterator[int]:
    """Yield when months begin, from one to another, ms."""
    while first <= last:
        yield first
        first = month_of(first + 32 * DAY)


def _distance(cohort: int, month: int, month_of: Callable[[int], int]) -> int:
    if month < cohort:
        return -_distance(month, cohort, month_of)
    return sum(1 for _ in _months(cohort, month, month_of)) - 1
