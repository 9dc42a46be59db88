"""What a link costs, however many identifiers are connected: computing time, and what is remembered."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest

from schemas.identity_links import CUSTOMER, Identity, Link
from streams.identity.graph import LINKS_MAX, IdentityGraph
from streams.identity.limits import Limits
from streams.identity.strength import pair_of

LINK_MS = 5.0
"""CPU time that a link in the largest component may take, ms; the least of several, as others use the machine too."""


def stated(one: Identity, other: Identity, at: int) -> Link:
    return Link(*pair_of(one, other), at, f"0191e2f0-0000-7000-8000-{at:012d}")


def star(links: int) -> list[Link]:
    """Return one address and many browsers."""
    return [stated(("email", "ann@example.com"), ("cookie", f"k-{at:032d}"), at) for at in range(links)]


def chain(links: int) -> list[Link]:
    """Return a robot's way from one identifier to the next."""
    named = [("device" if number % 2 else "cookie", f"k-{number:032d}") for number in range(links + 1)]
    return [stated(one, other, at) for at, (one, other) in enumerate(pairwise(named))]


def cost_ms(graph: IdentityGraph, link: Link) -> float:
    began = time.thread_time()
    assert graph.add(link).owners
    return (time.thread_time() - began) * 1_000


@pytest.mark.parametrize("links", [star(LINKS_MAX), chain(LINKS_MAX)], ids=["star", "chain"])
@pytest.mark.parametrize("nth", ["the last", "the first"])
def test_a_link_in_the_largest_component_takes_five_milliseconds_at_most(links: list[Link], nth: str) -> None:
    """A link in the middle of a chain, or the first of all, joins what was apart, and has all resolved anew."""
    last = links.pop(LINKS_MAX // 2 if nth == "the first" else -1)
    costs = []
    for _ in range(5):
        graph = IdentityGraph()
        for link in links:
            graph.restore(link)
        costs.append(cost_ms(graph, last))

    assert graph.alone == 0
    assert min(costs) < LINK_MS


@pytest.mark.parametrize("links", [star(LINKS_MAX + 1), chain(LINKS_MAX + 1)], ids=["star", "chain"])
def test_the_link_that_makes_a_component_too_large_takes_as_long_and_those_behind_it_less(links: list[Link]) -> None:
    costs, later = [], []
    end = links[-1].second
    for _ in range(5):
        graph = IdentityGraph()
        for link in links[:-1]:
            graph.restore(link)
        costs.append(cost_ms(graph, links[-1]))
        later.append(cost_ms(graph, stated((CUSTOMER, "ann"), end, len(links))))

    assert graph.alone == len({identity for link in links for identity in link.pair})
    assert min(costs) < LINK_MS
    assert min(later) < min(costs) / 4


def test_what_is_stated_with_everybody_takes_no_more_memory_than_its_limits() -> None:
    graph = IdentityGraph(Limits({CUSTOMER: 3, "cookie": 9, "device": 4}, 2, 25))
    shared = ("email", "shop@example.com")
    remembered = []
    for number in range(4):
        for nth in range(40):
            for kind in ("cookie", "device", f"account{number}", CUSTOMER):
                graph.restore(stated((kind, f"{number}-{nth}"), shared, nth))
        remembered.append(len(graph.conflicts(shared)))

    # Of each kind one more than its limit: 10 cookies, 5 devices, 4 customers, 3 of each account; but 26 in all.
    assert remembered == [22, 25, 26, 26]


def test_a_chain_that_is_too_long_is_two_again_once_its_middle_is_nobodys_in_any_order() -> None:
    long = chain(2 * LINKS_MAX - 10)
    middle = long[LINKS_MAX - 5].first if long[LINKS_MAX - 5].first[0] == "device" else long[LINKS_MAX - 5].second
    said = [*long, stated((CUSTOMER, "ann"), long[0].second, 5_000), stated((CUSTOMER, "bob"), long[-1].second, 5_000)]
    said += [stated((CUSTOMER, name), middle, 6_000) for name in "abcd"]
    for seed in range(3):
        graph = IdentityGraph()
        for link in random.Random(seed).sample(said, len(said)):
            graph.restore(link)

        owners = [graph.owned(identity)[-1:] for identity in (("cookie", f"k-{nth:032d}") for nth in range(0, 490, 2))]
        assert graph.owned(middle) == ()
        assert {owned[0].owner for owned in owners} == {(CUSTOMER, "ann"), (CUSTOMER, "bob")}
        assert graph.alone == 0
