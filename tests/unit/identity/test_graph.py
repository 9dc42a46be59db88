"""Who is who, whatever the order in which the links came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, permutations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from schemas.identity_links import CUSTOMER, Command, IdentitiesStated, Identity, Link, Pair
from streams.identity.difference import NO_CHANGES, Changes
from streams.identity.graph import IdentityGraph
from streams.identity.groups import ALWAYS, Conflict, Ownership
from streams.identity.limits import Limits
from streams.identity.links import links_of, order_of, stated_as
from streams.identity.strength import pair_of
from tests.oracle import identity as oracle
from tests.unit.identity.said import links_by

WINDOW = 30
FEW = {CUSTOMER: 2, "email": 2, "cookie": 3}
ENOUGH = 1_000
ANN, BOB = (CUSTOMER, "ann"), (CUSTOMER, "bob")
MAIL, PHONE, COOKIE, OTHER_COOKIE = ("email", "a@x"), ("phone", "+1"), ("cookie", "c"), ("cookie", "d")

IDENTITIES = [
    *[(CUSTOMER, name) for name in ("a", "b", "c", "d")],
    *[("email", name) for name in ("m", "n", "o")],
    *[("cookie", str(number)) for number in range(5)],
    *[("crm", name) for name in ("x", "y")],
]
sizes = st.sampled_from([(ENOUGH, ENOUGH), (ENOUGH, 4), (5, ENOUGH), (6, 3)])
"""With how many an identity may be stated in all, and links of a component."""
pairs = st.tuples(st.sampled_from(IDENTITIES), st.sampled_from(IDENTITIES)).filter(
    lambda pair: pair[0] != pair[1] and not pair[0][0] == pair[1][0] == CUSTOMER
)
links = st.builds(
    lambda pair, at, event, late: Link(*pair_of(*pair), at, event, late),
    pairs,
    st.integers(0, 100),
    st.sampled_from(["e", "f", "g"]),
    st.just(False),
)
commands = st.builds(
    Command,
    st.sampled_from(["link", "unlink"]),
    st.just(ANN),
    st.just(BOB),
    st.integers(0, 100),
    st.uuids().map(str),
).flatmap(lambda command: pairs.map(lambda pair: Command(command.action, *pair, command.at, command.command_id)))


def graph_of(said: Iterable[Link | Command], in_all: int = ENOUGH, links_max: int = ENOUGH) -> IdentityGraph:
    graph = IdentityGraph(Limits(FEW, 4, in_all, in_all), WINDOW, links_max)
    for one in said:
        _take(graph, one)
    return graph


def _take(graph: IdentityGraph, one: Link | Command) -> Changes:
    return graph.add(one) if isinstance(one, Link) else graph.obey(one)


def some_orders(said: Sequence[Link | Command]) -> Iterator[list[Link | Command]]:
    """Yield some of the orders, where all are too many."""
    return (Random(seed).sample(said, len(said)) for seed in range(40))


def owner(graph: IdentityGraph, identity: Identity, at: int) -> Identity:
    return next((one.owner for one in reversed(graph.owned(identity)) if one.since <= at), identity)


@given(st.lists(links, max_size=25), st.lists(commands, max_size=3), sizes, st.data())
def test_the_groups_are_the_rules_whatever_the_order(
    said: list[Link], ordered: list[Command], most: tuple[int, int], data: st.DataObject
) -> None:
    graph = graph_of(data.draw(st.permutations([*said, *ordered])), *most)
    earliest = {link.pair: link for link in sorted(said, key=order_of, reverse=True)}
    void = oracle.voids(said, FEW, 4, most[0], most[0])
    void |= oracle.too_connected(said, ordered, void, most[1])

    for at in (-WINDOW, 0, 20, 60, 100):
        groups = {one: oracle.owner_at(one, at, list(earliest.values()), ordered, void, WINDOW) for one in IDENTITIES}
        owners = {one: owner(graph, one, at) for one in IDENTITIES}
        for one in IDENTITIES:
            assert owners[one] in groups[one]
            for other in IDENTITIES:
                assert (owners[one] == owners[other]) == (groups[one] == groups[other])


@given(st.lists(st.one_of(links, commands), max_size=25), sizes, st.data())
def test_owners_and_conflicts_are_the_same_in_any_order(
    said: list[Link | Command], most: tuple[int, int], data: st.DataObject
) -> None:
    late = [
        Link(one.first, one.second, one.occurred_at, one.event_id, late=True)
        for one in data.draw(st.lists(links, max_size=6))
    ]
    mixed = [*said, *late]
    once = graph_of(mixed, *most)
    again = graph_of(data.draw(st.permutations(mixed)), *most)

    for identity in IDENTITIES:
        assert once.owned(identity) == again.owned(identity)
        assert _listed(once, identity) == _listed(again, identity)


def _listed(graph: IdentityGraph, identity: Identity) -> set[Conflict]:
    """Return an identity's conflicts; of what is stated with too many only the first ones are remembered."""
    return {one for one in graph.conflicts(identity) if one.reason != "too_many"}


@given(st.lists(links, max_size=25), sizes, st.data())
def test_all_conflicts_are_told_with_their_reasons(
    said: list[Link], most: tuple[int, int], data: st.DataObject
) -> None:
    graph = graph_of([], *most)
    told: dict[Pair, str] = {}
    for one in data.draw(st.permutations(said)):
        changes = graph.add(one)
        for settled in changes.settled:
            del told[settled.link.pair]
        told.update((conflict.link.pair, conflict.reason) for conflict in changes.conflicts)
    void = oracle.voids(said, FEW, 4, most[0], most[0])
    apart = oracle.too_connected(said, [], void, most[1])

    assert {frozenset(pair) for pair, reason in told.items() if reason == "too_many"} == void
    assert {frozenset(pair) for pair, reason in told.items() if reason == "too_connected"} == apart
    assert {pair for pair, reason in told.items() if reason == "two_customers"} == {
        one.link.pair for identity in IDENTITIES for one in graph.conflicts(identity) if one.reason == "two_customers"
    }


@given(st.lists(st.one_of(links, commands), max_size=25), sizes)
def test_all_ownerships_are_each_identitys_once(said: list[Link | Command], most: tuple[int, int]) -> None:
    graph = graph_of(said, *most)

    found = [(identity, owned) for some in graph.all_owned() for identity, owned in some.items()]

    assert len({identity for identity, _ in found}) == len(found)
    named = [*IDENTITIES, ANN, BOB]
    assert dict(found) == {one: owned for one in named if (owned := graph.owned(one))}


@given(st.lists(st.one_of(links, commands), max_size=25), sizes)
def test_what_is_told_to_have_changed_is_all_that_has(said: list[Link | Command], most: tuple[int, int]) -> None:
    graph = graph_of([], *most)
    told: dict[Identity, tuple[Ownership, ...]] = {}
    for one in said:
        told.update(_take(graph, one).owners)

    assert {one: owned for one, owned in told.items() if owned} == {
        one: graph.owned(one) for one in IDENTITIES if graph.owned(one)
    }


def test_a_visitor_who_logs_in_is_the_customer_from_a_while_before_on() -> None:
    graph = graph_of(links_by([COOKIE, ANN], 100, "login"))

    assert graph.owned(COOKIE) == (Ownership(100 - WINDOW, ANN, "login"),)
    assert owner(graph, COOKIE, 70) == ANN
    assert owner(graph, COOKIE, 69) == COOKIE


def test_the_first_customer_of_a_shared_browser_keeps_it_and_the_other_is_a_conflict() -> None:
    first, second = Link(ANN, COOKIE, 10, "x"), Link(BOB, COOKIE, 20, "y")

    for order in permutations([first, second]):
        graph = graph_of(list(order))

        assert owner(graph, COOKIE, 50) == ANN
        assert [(one.link, one.reason, one.customers) for one in graph.conflicts(COOKIE)] == [
            (second, "two_customers", ("bob", "ann"))
        ]


def test_what_is_stated_with_too_many_customers_is_nobodys() -> None:
    said = [Link((CUSTOMER, name), PHONE, at, name) for at, name in enumerate(["a", "b", "c"])]

    assert owner(graph_of([*said[:2]]), PHONE, 50) == (CUSTOMER, "a")
    for order in permutations(said):
        graph = graph_of(list(order))

        assert graph.owned(PHONE) == ()
        assert {one.reason for one in graph.conflicts(PHONE)} == {"too_many"}


def test_ten_thousand_customers_of_one_telephone_cost_each_of_them_one_link() -> None:
    graph = IdentityGraph()
    for number in range(10_000):
        graph.add(Link((CUSTOMER, str(number)), PHONE, number, str(number)))

    assert graph.owned(PHONE) == ()
    assert len(graph.conflicts(PHONE)) == 4
    assert len(graph.conflicts((CUSTOMER, "9999"))) == 1


def test_a_profile_without_a_customer_is_named_by_its_strongest_identifier() -> None:
    graph = graph_of([Link(MAIL, COOKIE, 10, "x"), Link(MAIL, OTHER_COOKIE, 20, "y")])

    assert owner(graph, COOKIE, 50) == owner(graph, OTHER_COOKIE, 50) == MAIL
    assert graph.owned(MAIL) == ()


def test_a_late_link_gives_an_owner_only_to_what_has_none() -> None:
    today, old = Link(BOB, PHONE, 90, "y"), Link(ANN, PHONE, 1, "x", late=True)

    assert owner(graph_of([old]), PHONE, 50) == ANN
    for order in permutations([today, old]):
        assert owner(graph_of(list(order)), PHONE, 90) == BOB
        assert owner(graph_of(list(order)), PHONE, 1) == PHONE


def test_a_person_may_join_two_customers_and_part_what_was_linked() -> None:
    login = Link(ANN, COOKIE, 10, "x")
    joined = graph_of([login, Command("link", BOB, ANN, 5, "1")])
    parted = graph_of([login, Command("unlink", COOKIE, ANN, 15, "1")])
    again = graph_of([login, Command("unlink", COOKIE, ANN, 15, "1"), Command("link", ANN, COOKIE, 16, "2")])

    assert joined.owned(ANN) == (Ownership(ALWAYS, BOB, "1"),)
    assert owner(joined, COOKIE, 10) == BOB
    assert parted.owned(COOKIE) == ()
    assert owner(again, COOKIE, -1_000) == ANN


def test_a_link_after_an_unlink_counts() -> None:
    graph = graph_of([Command("unlink", ANN, COOKIE, 15, "1"), Link(ANN, COOKIE, 16, "x")])

    assert owner(graph, COOKIE, 16) == ANN


def test_of_two_links_of_a_pair_the_earlier_counts() -> None:
    for order in permutations([Link(ANN, COOKIE, 50, "x"), Link(ANN, COOKIE, 40, "y")]):
        assert graph_of(list(order)).owned(COOKIE) == (Ownership(40 - WINDOW, ANN, "y"),)


@given(st.permutations(range(5)))
def test_of_too_many_that_are_connected_each_is_its_customers_alone(order: list[int]) -> None:
    chain = [("cookie", str(number)) for number in range(5)]
    said = [Link(*pair_of(one, other), at, str(at)) for at, (one, other) in enumerate(pairwise(chain))]
    said.append(Link(ANN, chain[0], 50, "login"))

    graph = graph_of((said[nth] for nth in order), links_max=4)
    fewer = graph_of((said[nth] for nth in order), links_max=5)

    assert [owner(graph, one, 50) for one in chain] == [ANN, *chain[1:]]
    assert {one.reason for one in graph.conflicts(chain[2])} == {"too_connected"}
    assert {owner(fewer, one, 50) for one in chain} == {ANN}


def test_what_is_few_again_is_linked_again() -> None:
    """A guests' telephone connects four people; with the third address it links nothing."""
    guests = [(("email", name), ("cookie", name)) for name in ("m", "n", "o")]
    said = [Link(mail, cookie, 10, mail[1]) for mail, cookie in guests]
    said += [link for mail, _ in guests for link in links_by([mail, PHONE], 20, mail[1])]

    for order in some_orders(said):
        graph = graph_of(order, links_max=3)

        assert [owner(graph, cookie, 50) for _, cookie in guests] == [mail for mail, _ in guests]
        assert {one.reason for one in graph.conflicts(PHONE)} == {"too_many"}


def test_what_is_exactly_as_much_as_may_be_is_put_together_again() -> None:
    """Two guests of two links each, and one between them that links nothing once the telephone is a shop's."""
    chain = [MAIL, COOKIE, ("device", "d")]
    said = [Link(*pair_of(one, other), at, str(at)) for at, (one, other) in enumerate(pairwise(chain))]
    said += [Link(*pair_of(PHONE, MAIL), 5, "guest"), *(Link((CUSTOMER, name), PHONE, 9, name) for name in "abc")]

    for order in some_orders(said):
        graph = graph_of(order, links_max=2)

        assert graph.alone == 0
        assert {owner(graph, one, 50) for one in chain} == {MAIL}


def test_of_those_that_are_alone_a_person_may_join_two() -> None:
    chain = [("cookie", str(number)) for number in range(5)]
    said: list[Link | Command] = [
        Link(*pair_of(one, other), at, str(at)) for at, (one, other) in enumerate(pairwise(chain))
    ]
    said += [Command("link", chain[1], chain[2], 60, "1"), Link(ANN, chain[2], 50, "login")]

    for order in some_orders(said):
        graph = graph_of(order, links_max=3)

        assert [owner(graph, one, 50) for one in chain] == [chain[0], ANN, ANN, chain[3], chain[4]]


def test_a_decision_that_two_are_not_one_connects_nothing() -> None:
    """Two guests of two links and of one are connected by a telephone, until that is a shop's."""
    other = ("email", "b@x")
    said: list[Link | Command] = [Link(MAIL, PHONE, 5, "v"), Link(other, PHONE, 5, "w")]
    said.append(Command("unlink", MAIL, other, 30, "1"))
    said += [Link(MAIL, COOKIE, 10, "x"), Link(other, OTHER_COOKIE, 20, "y"), Link(MAIL, ("device", "d"), 15, "z")]
    said += [Link((CUSTOMER, name), PHONE, 9, name) for name in "abc"]

    for order in (said, *some_orders(said)):
        graph = graph_of(order, links_max=2)

        assert graph.alone == 0
        assert [owner(graph, one, 50) for one in (COOKIE, OTHER_COOKIE)] == [MAIL, other]


def test_of_two_links_of_a_pair_that_link_nothing_the_earlier_is_told() -> None:
    graph = graph_of([Link((CUSTOMER, name), PHONE, 50, name) for name in "abc"])
    earlier = Link((CUSTOMER, "a"), PHONE, 40, "z")

    assert graph.add(earlier) == Changes({}, [Conflict(earlier, "too_many")], [])
    assert earlier in [one.link for one in graph.conflicts(PHONE)]


def test_a_person_who_parts_what_links_nothing_settles_the_conflict() -> None:
    said = [Link((CUSTOMER, name), PHONE, 10, name) for name in "abc"]
    graph = graph_of(said)

    assert graph.obey(Command("unlink", PHONE, said[0].first, 60, "1")).settled == [Conflict(said[0], "too_many")]
    assert len(graph.conflicts(PHONE)) == 2


def test_a_late_link_to_a_customer_counts_from_its_own_time_on() -> None:
    """What else the customer came to be known by later bears on nothing."""
    said = [Link(ANN, MAIL, 60, "x"), Link(ANN, COOKIE, 1, "y", late=True), Link(MAIL, COOKIE, 5, "z", late=True)]

    for order in permutations(said):
        assert graph_of(order).owned(COOKIE) == (Ownership(1 - WINDOW, ANN, "y"),)


def test_a_shops_telephone_holds_no_customers_together_by_what_is_stated_beside_it() -> None:
    """Each buyer states the telephone with a browser; the browser logs in once, too."""
    graph = graph_of([])
    for number, name in enumerate("abcdefgh"):
        browser = ("cookie", f"k-{name}")
        for link in links_by([PHONE, browser], number, f"{name}-guest"):
            graph.add(link)
        for link in links_by([(CUSTOMER, name), PHONE], number, f"{name}-call"):
            graph.add(link)
        graph.add(Link((CUSTOMER, name), browser, 50, f"{name}-login"))

    assert graph.owned(PHONE) == ()
    assert [owner(graph, ("cookie", f"k-{name}"), 60)[1] for name in "abcdefgh"] == list("abcdefgh")


def test_customers_of_a_chain_of_shared_devices_are_not_connected() -> None:
    graph = graph_of([], links_max=3)
    for number in range(100):
        device = ("cookie", f"k{number}")
        for customer in (number, number + 1):
            link = Link((CUSTOMER, str(customer)), device, 10 * number + customer, f"{customer}")
            graph.add(link)

    assert {owner(graph, ("cookie", f"k{number}"), 5_000)[1] for number in range(100)} == set(map(str, range(100)))
    assert len(graph) == 201


def test_of_two_joins_at_one_time_the_later_ones_owner_is_told() -> None:
    graph = graph_of([Link(MAIL, COOKIE, 10, "x"), Link(ANN, MAIL, 10, "y")])

    assert graph.owned(COOKIE) == (Ownership(10 - WINDOW, ANN, "y"),)


def test_a_late_link_finds_joined_what_later_links_have_joined() -> None:
    graph = graph_of([Link(MAIL, COOKIE, 60, "x"), Link(ANN, MAIL, 1, "y", late=True)])
    late_again = graph_of(
        [
            Link(MAIL, COOKIE, 60, "x"),
            Link(MAIL, OTHER_COOKIE, 5, "w", late=True),
            Link(ANN, MAIL, 1, "y", late=True),
        ]
    )

    assert graph.owned(COOKIE) == (Ownership(60 - WINDOW, ANN, "y"),)
    assert late_again.owned(OTHER_COOKIE) == (Ownership(60 - WINDOW, ANN, "w"),)


def test_two_customers_that_one_record_links_change_nothing() -> None:
    graph = graph_of([])

    assert graph.add(Link(ANN, BOB, 10, "x")) == NO_CHANGES
    assert len(graph) == 0


stated_together = st.lists(
    st.builds(
        lambda some, at, event, late: stated_as(dict(some).items(), at, event, late=late),
        st.lists(st.sampled_from(IDENTITIES), min_size=2, max_size=8),
        st.integers(0, 100),
        st.sampled_from(["e", "f", "g"]),
        st.booleans(),
    ).filter(bool),
    max_size=12,
)
"""What touchpoints state: of each kind one identity at most."""


@given(stated_together, sizes)
def test_the_links_of_a_touchpoint_change_together_what_they_change_one_by_one(
    said: list[IdentitiesStated], most: tuple[int, int]
) -> None:
    whole, apart = graph_of([], *most), graph_of([], *most)
    told: dict[Identity, tuple[Ownership, ...]] = {}
    refused: dict[str, dict[Pair, Conflict]] = {"whole": {}, "apart": {}}
    for one in said:
        together, singly = whole.add(*links_of(one)), [apart.add(link) for link in links_of(one)]
        told.update(together.owners)
        for name, every in (("whole", [together]), ("apart", singly)):
            for changes in every:
                refused[name] = {k: v for k, v in refused[name].items() if v not in changes.settled}
                refused[name].update((conflict.link.pair, conflict) for conflict in changes.conflicts)

        owned = {identity: found for identity in IDENTITIES if (found := apart.owned(identity))}
        assert {identity: found for identity, found in told.items() if found} == owned
        assert refused["whole"] == refused["apart"]
        assert [whole.owned(identity) for identity in IDENTITIES] == [apart.owned(identity) for identity in IDENTITIES]
    assert len(whole) == len(apart)
