"""What a link costs, however many identifiers are connected: function calls, and what is remembered."""

from __future__ import annotations

import random
import sys
from itertools import combinations, pairwise
from types import FrameType

import pytest

from schemas.identity_links import CUSTOMER, Command, Identity, Link
from streams.identity import graph as graph_module
from streams.identity.difference import NO_CHANGES
from streams.identity.graph import LINKS_MAX, IdentityGraph
from streams.identity.groups import resolve
from streams.identity.limits import LIMITS, Limits
from streams.identity.strength import pair_of, strength
from tests.unit.identity.said import links_by
from tests.unit.instructions import OPCODES, opcodes_of_steps

CALLS = 20_000
"""Calls of functions, the language's own among them, that a link in the largest component may take: each takes about
0.12 us, so that the link takes 2.4 ms. Unlike times, these are the same whoever else uses the machine."""


def stated(one: Identity, other: Identity, at: int) -> Link:
    return Link(*pair_of(one, other), at, f"0191e2f0-0000-7000-8000-{at:012d}")


def star(links: int) -> list[Link]:
    """Return one address and many browsers."""
    return [stated(("email", "ann@example.com"), ("cookie", f"k-{at:032d}"), at) for at in range(links)]


def two_stars(links: int) -> list[Link]:
    """Return two addresses, each with half of the browsers, and one of these in both."""
    ann, bob = ("email", "ann@example.com"), ("email", "bob@example.com")
    half = [stated(ann if at % 2 else bob, ("cookie", f"k-{at:032d}"), at) for at in range(links - 1)]
    return [*half, stated(ann, half[0].second, links)]


def chain(links: int) -> list[Link]:
    """Return a robot's way from one identifier to the next."""
    named = [("device" if number % 2 else "cookie", f"k-{number:032d}") for number in range(links + 1)]
    return [stated(one, other, at) for at, (one, other) in enumerate(pairwise(named))]


def calls_of(graph: IdentityGraph, *links: Link) -> int:
    """Return how many functions are called to take links that change something, as those of one touchpoint."""
    count = 0

    def see(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        changes = graph.add(*links)
    finally:
        sys.setprofile(None)
    assert changes != NO_CHANGES
    return count


@pytest.mark.parametrize("links", [star(LINKS_MAX), chain(LINKS_MAX)], ids=["star", "chain"])
@pytest.mark.parametrize("nth", [0, LINKS_MAX // 2, LINKS_MAX - 1])
def test_a_link_in_the_largest_component_takes_no_more_than_that(links: list[Link], nth: int) -> None:
    graph = IdentityGraph()
    for link in links[:nth] + links[nth + 1 :]:
        graph.restore(link)

    assert LINKS_MAX < calls_of(graph, links[nth]) < CALLS
    assert graph.alone == 0


@pytest.mark.parametrize("links", [two_stars(LINKS_MAX + 1), chain(LINKS_MAX + 1)], ids=["stars", "chain"])
def test_the_link_that_makes_a_component_too_large_takes_as_much_and_those_behind_it_little(links: list[Link]) -> None:
    graph = IdentityGraph()
    for link in links[:-1]:
        graph.restore(link)

    assert calls_of(graph, links[-1]) < 2 * CALLS
    assert graph.alone == len({identity for link in links for identity in link.pair})
    assert calls_of(graph, stated((CUSTOMER, "ann"), links[-1].second, len(links))) < CALLS / 20


def test_what_is_stated_with_everybody_takes_no_more_memory_than_its_limits() -> None:
    graph = IdentityGraph(Limits({CUSTOMER: 3, "cookie": 9, "device": 4}, 2, 25, 25))
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

        owners = [
            graph.owned(identity)[-1:] for identity in (("cookie", f"k-{nth:032d}") for nth in range(0, len(long), 2))
        ]
        assert graph.owned(middle) == ()
        assert {owned[0].owner for owned in owners} == {(CUSTOMER, "ann"), (CUSTOMER, "bob")}
        assert graph.alone == 0


def crowd(size: int) -> list[Identity]:
    """Return identifiers of so many kinds that all may be stated with each other."""
    return [(f"crm{number % 40}", f"{number}") for number in range(size)]


def test_a_touchpoint_of_eight_identifiers_costs_little_more_than_a_link_in_the_largest_component() -> None:
    """Their 28 links resolve the component once, before and after, and not 28 times."""
    graph, few = IdentityGraph(), crowd(11)  # with 55 links
    for pair in combinations(sorted(few, key=strength), 2):
        graph.restore(stated(*pair, 1_000))

    one = calls_of(graph, stated(few[0], few[1], 999))
    eight = calls_of(graph, *links_by(few[:8], 998, "eight"))

    assert graph.alone == 0
    assert eight < 2 * one < 2 * CALLS


def test_a_touchpoint_costs_the_same_whether_its_identifiers_have_twelve_links_or_as_many_as_may_be() -> None:
    costs = []
    for size in (20, LINKS_MAX):
        graph, many = IdentityGraph(), crowd(size)
        for one in many[:8]:
            for other in many[8:]:
                graph.restore(stated(one, other, 1_000))
        assert graph.alone == size
        costs.append(calls_of(graph, *links_by([*many[:4], *many[-4:]], 999, "e")))

    assert costs[1] < 1.1 * costs[0] < CALLS


def test_all_members_of_a_component_are_asked_for_at_the_cost_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subjects may hang on each of them: to look at all links for each took 0.4 s."""
    graph, links, asked = IdentityGraph(), star(LINKS_MAX - 1), 0
    for link in links:
        graph.restore(link)

    def counted(*args: object) -> object:
        nonlocal asked
        asked += 1
        return resolve(*args)  # type: ignore[arg-type]  # as it is called

    monkeypatch.setattr(graph_module, "resolve", counted)
    owners = {owned.owner for link in links for owned in graph.owned(link.first) + graph.owned(link.second)}
    assert (asked, owners) == (1, {("email", "ann@example.com")})

    graph.add(stated((CUSTOMER, "ann"), ("email", "ann@example.com"), 0))
    owners = {graph.owned(link.second)[-1].owner for link in links}
    assert owners == {(CUSTOMER, "ann")}
    graph.obey(Command("link", (CUSTOMER, "bob"), (CUSTOMER, "ann"), 9, "order"))
    assert graph.owned(links[0].second)[-1].owner == (CUSTOMER, "bob")


def test_links_that_are_read_back_are_placed_and_nothing_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    said = chain(LINKS_MAX + 5)
    asked = IdentityGraph()
    for link in said:
        asked.add(link)
    graph = IdentityGraph()
    with monkeypatch.context() as no:
        no.setattr(graph_module, "resolve", None)
        for link in said:
            graph.restore(link)

    assert (len(graph), graph.alone) == (len(asked), asked.alone)
    assert list(graph.all_owned()) == list(asked.all_owned())


def test_identities_that_have_owners_in_common_share_them() -> None:
    """Else what a robot's profile is renamed by would be made anew for each of its identifiers."""
    names = [(f"{200 - number}", "x") for number in range(60)]
    said = [Link(other, one, at, f"e{at}") for at, (one, other) in enumerate(pairwise(names))]
    owned = resolve(said, ()).owned

    first, second = owned(names[0]), owned(names[1])

    assert (len(first), len(second)) == (59, 58)
    assert all(one is other for one, other in zip(first[1:], second, strict=True))


def calls_of_steps(graph: IdentityGraph, *links: Link) -> list[int]:
    """Return how many functions are called to take links, from each moment at which others have a turn to the next."""
    counts = [0]

    def see(_frame: FrameType, event: str, _argument: object) -> None:
        counts[-1] += event in ("call", "c_call")

    adding = graph.adding(*links)
    sys.setprofile(see)
    try:
        for _ in adding:
            counts += [0]
    finally:
        sys.setprofile(None)
    return counts


def test_a_touchpoint_by_which_eight_pass_a_limit_takes_the_same_for_each_link_that_hangs_on_them() -> None:
    """Each of the others was looked for from each of the eight through all that this has."""
    graph, many = IdentityGraph(), crowd(8 + 56)
    for one in many[:8]:
        for other in many[8:]:
            graph.restore(stated(one, other, 1_000))
        for customer in ("a", "b", "c"):
            graph.restore(stated((CUSTOMER, customer), one, 2_000))

    steps = calls_of_steps(graph, *(stated((CUSTOMER, "d"), one, 3_000) for one in many[:8]))

    hanging = 8 * (56 + 4)
    assert 50 * hanging < sum(steps) < 400 * hanging
    assert max(steps) < CALLS
    assert graph.alone == 0


def test_others_have_their_turn_while_all_that_hangs_on_a_customer_falls_away() -> None:
    ann, graph = (CUSTOMER, "ann"), IdentityGraph()
    browsers = LIMITS["cookie"]
    for number in range(browsers):
        graph.restore(stated(ann, ("cookie", f"{number}"), number))

    steps = calls_of_steps(graph, stated(ann, ("cookie", "one more"), 3_000))

    assert 100 * browsers < sum(steps) < 400 * browsers
    assert max(steps) < CALLS / 10


@pytest.mark.parametrize("each", [20, 60])
def test_a_step_takes_the_same_however_many_links_fall_away_by_one_touchpoint(each: int) -> None:
    """All links that became conflicts were looked through at once, three times."""
    graph, eight = IdentityGraph(), crowd(8)
    for one in eight:
        for number in range(each):
            graph.restore(stated(one, (f"account{number % 40}", f"{number}"), 1_000))
        for customer in ("a", "b", "c"):
            graph.restore(stated((CUSTOMER, customer), one, 2_000))

    steps = opcodes_of_steps(graph.adding(*(stated((CUSTOMER, "d"), one, 3_000) for one in eight)))

    assert 1_000 * 8 * each < sum(steps) < 2_000 * 8 * (each + 4)
    assert max(steps) < OPCODES
    assert len(graph.conflicts(eight[0])) == each + 4


def test_components_that_a_touchpoint_connects_are_parted_in_steps() -> None:
    """Eight were parted at once, as its links were put in their places: half a million instructions."""
    graph, eight = IdentityGraph(), crowd(8)
    for one in eight:
        for number in range(LINKS_MAX - 7):
            graph.restore(stated(one, ("cookie", f"{one[1]}-{number}"), 1_000))

    steps = opcodes_of_steps(graph.adding(*links_by(eight, 2_000, "e")))

    assert graph.alone == 8 * (1 + LINKS_MAX - 7)
    assert sum(steps) < 3_000 * 8 * LINKS_MAX
    assert max(steps) < OPCODES


def test_what_is_few_again_since_others_fell_away_is_put_together_in_steps() -> None:
    """All that were connected before were gone through at once, for their conflicts and their members."""
    graph, hubs = IdentityGraph(), crowd(8)
    for hub in hubs:
        for number in range(20):
            near = f"account{number}", f"{hub[1]}-{number}"
            graph.restore(stated(hub, near, 1_000))
            for nth in range(10):
                graph.restore(stated(near, ("cookie", f"{near[1]}-{nth}"), 1_000))
        for customer in ("a", "b", "c"):
            graph.restore(stated((CUSTOMER, customer), hub, 2_000))
    connected = 8 * (1 + 20 * 11)
    assert graph.alone == connected

    steps = opcodes_of_steps(graph.adding(*(stated((CUSTOMER, "d"), hub, 3_000) for hub in hubs)))

    assert graph.alone == 0
    assert sum(steps) > 2_000 * connected
    assert max(steps[-200:]) < 3 * connected


def test_a_customer_of_many_components_is_looked_at_in_steps() -> None:
    """Each identifier of a customer may have a component of many links: all of them were unpacked at once."""
    graph, ann, hubs = IdentityGraph(Limits(in_all=80)), (CUSTOMER, "ann"), crowd(80)
    for hub in hubs:
        graph.restore(stated(ann, hub, 1_000))
        for number in range(50):
            graph.restore(stated(hub, ("cookie", f"{hub[1]}-{number}"), 1_000))

    steps = opcodes_of_steps(graph.adding(stated(ann, ("account", "one more"), 2_000)))

    assert sum(steps) > 50 * 80 * 50
    assert max(steps) < OPCODES
    assert len(graph.conflicts(ann)) == 81
