"""What links take that fall away: each falls away once, so that its touchpoint has paid for it."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from types import FrameType

import pytest

from schemas.identity_links import CUSTOMER, Identity, Link, Pair
from streams.identity.components import Edit
from streams.identity.graph import LINKS_MAX, IdentityGraph
from streams.identity.limits import Limits
from streams.identity.placing import Placing
from tests.unit.identity.said import links_by

OWN_CALLS = 20_000
"""Calls of functions that a touchpoint in the largest component takes (`test_graph_cost.py`), 2.4 ms."""
LINKS_OF_ONE = 28
"""Links that one touchpoint states at most, of its eight identifiers with each other."""
CALLS_OF_ONE_LEFT = 400
"""Calls that a link takes when it falls away (`test_graph_cost.py`)."""
CALLS = OWN_CALLS + LINKS_OF_ONE * CALLS_OF_ONE_LEFT
"""What a touchpoint takes in all, then and later: 31,200 calls, or 3.7 ms."""

Story = Iterator[list[Identity]]


@pytest.fixture(name="fallen")
def links_that_fall_away(monkeypatch: pytest.MonkeyPatch) -> Counter[Pair]:
    """Return how often each link fell away."""
    fallen = Counter[Pair]()
    cut = Placing._cut

    def counted(self: Placing, edit: Edit, gone: dict[Pair, Link]) -> Iterator[None]:
        fallen.update(gone.keys())
        return cut(self, edit, gone)

    monkeypatch.setattr(Placing, "_cut", counted)
    return fallen


@pytest.mark.parametrize("links_max", [3, 8, 250])
def test_a_link_falls_away_once_whatever_is_stated_behind_it(fallen: Counter[Pair], links_max: int) -> None:
    limits = Limits({CUSTOMER: 2, "email": 2, "device": 3, "cookie": 4}, 3, 10, 10)
    pool = [(kind, str(number)) for kind in (CUSTOMER, "email", "device", "cookie", "crm") for number in range(8)]
    for seed in range(30):
        rng, graph = random.Random(seed), IdentityGraph(limits, links_max=links_max)
        fallen.clear()
        for number in range(150):
            some = dict(rng.sample(pool, rng.choice((2, 2, 3, 5)))).items()
            at = rng.choice((number, rng.randrange(150)))
            graph.add(*links_by(some, at, f"e{rng.randrange(40)}"))

        assert len(fallen) > 5
        assert set(fallen.values()) == {1}


def work_of(graph: IdentityGraph, story: Story) -> tuple[int, int]:
    """Return how many functions are called to take what touchpoints state, and how many touchpoints there are."""
    calls = count = 0

    def see(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    for count, some in enumerate(story, 1):
        links = links_by(some, count, f"e{count}")
        sys.setprofile(see)
        try:
            graph.add(*links)
        finally:
            sys.setprofile(None)
    return calls, count


def hub(name: str) -> Identity:
    return f"crm{name}", name


def others(name: str, count: int) -> list[Identity]:
    """Return identifiers of so many kinds that one may be stated with all of them."""
    return [(f"account{number % 40}", f"{name}-{number}") for number in range(count)]


def hubs_that_pass_a_limit(times: int, each: int) -> Story:
    """Eight identifiers have links with many others, four at a time; then all pass a limit by one touchpoint."""
    for time in range(times):
        hubs = [hub(f"{time}-{number}") for number in range(8)]
        many = others(str(time), each)
        for four in (hubs[:4], hubs[4:]):
            yield from ([*four, *many[at : at + 4]] for at in range(0, each, 4))
        yield from ([(CUSTOMER, f"{time}-{number}"), *hubs[:7]] for number in range(4))


def components_that_are_parted_and_joined(times: int) -> Story:
    """A component has too many links, then a member passes a limit, so that it has few enough, again and again."""
    center = hub("center")
    many = others("center", LINKS_MAX)
    yield from ([center, one] for one in many)
    for time in range(times):
        yield [center, ("cookie", f"one too many {time}")]
        leaving = many[time]
        yield from ([(CUSTOMER, f"{time}-{number}"), leaving] for number in range(4))


def a_kind_that_is_passed_long_ago(times: int) -> Story:
    """Seven identifiers have many links, and link no device any more: each touchpoint states one more device."""
    hubs = [hub(str(number)) for number in range(7)]
    many = others("h", 600)
    yield from ([*hubs[:4], *many[at : at + 4]] for at in range(0, len(many), 4))
    yield from ([*hubs[3:], *many[at : at + 4]] for at in range(0, len(many), 4))
    yield from ([*hubs, ("device", f"d{number}")] for number in range(times))


@pytest.mark.parametrize(
    "story",
    [
        hubs_that_pass_a_limit(3, 400),
        components_that_are_parted_and_joined(60),
        a_kind_that_is_passed_long_ago(600),
    ],
    ids=["hubs", "parted and joined", "passed long ago"],
)
def test_hostile_stories_take_no_more_for_each_touchpoint_in_all(story: Story, fallen: Counter[Pair]) -> None:
    graph = IdentityGraph()

    calls, touchpoints = work_of(graph, story)

    assert sum(fallen.values()) <= LINKS_OF_ONE * touchpoints
    assert calls / touchpoints < CALLS
