"""With how many others an identity may be stated, and what it is linked to beyond that, whatever the order."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from schemas.identity_links import CUSTOMER, Identity, Link
from streams.identity.graph import IdentityGraph
from streams.identity.limits import LIMIT_IN_ALL, LIMIT_OF_IDENTIFIER, Limits
from streams.identity.strength import pair_of

ANN, MAIL = (CUSTOMER, "ann"), ("email", "ann@x")


def stated(one: Identity, *others: Identity) -> list[Link]:
    return [Link(*pair_of(one, other), at, f"{at:03}") for at, other in enumerate(others)]


def browsers(count: int) -> list[Identity]:
    return [("cookie", f"k{number}") for number in range(count)]


def in_some_orders(said: list[Link], limits: Limits | None = None) -> Iterator[IdentityGraph]:
    """Yield graphs that were told the same in their order, backwards and in others."""
    for links in (said, said[::-1], *(Random(seed).sample(said, len(said)) for seed in range(8))):
        graph = IdentityGraph(limits)
        for link in links:
            graph.add(link)
        yield graph


def last_owner(graph: IdentityGraph, identity: Identity) -> Identity:
    owned = graph.owned(identity)
    return owned[-1].owner if owned else identity


def test_an_address_in_as_many_browsers_as_may_be_is_theirs() -> None:
    for graph in in_some_orders(stated(MAIL, *browsers(LIMIT_OF_IDENTIFIER))):
        assert {last_owner(graph, one) for one in browsers(LIMIT_OF_IDENTIFIER)} == {MAIL}


def test_an_address_in_more_browsers_is_linked_to_customers_alone() -> None:
    device = ("device", "d")
    said = stated(MAIL, *browsers(LIMIT_OF_IDENTIFIER + 1), device, ANN)
    for graph in in_some_orders(said):
        assert last_owner(graph, MAIL) == ANN
        assert {last_owner(graph, one) for one in (*browsers(LIMIT_OF_IDENTIFIER + 1), device)} == {
            *browsers(LIMIT_OF_IDENTIFIER + 1),
            device,
        }
        assert {one.reason for one in graph.conflicts(device)} == {"too_many"}


def test_a_customer_may_be_the_one_by_whom_an_address_has_too_many() -> None:
    # Fewer than a component may have links: else that has its members alone.
    few = 4
    for graph in in_some_orders(stated(MAIL, *browsers(few), ANN), Limits(of_identifier=few)):
        assert last_owner(graph, MAIL) == ANN
        assert [last_owner(graph, one) for one in browsers(few)] == browsers(few)


def test_an_address_that_links_no_browser_holds_what_was_stated_with_it_not_apart() -> None:
    phone, other = ("phone", "+1"), ("cookie", "other")
    for graph in in_some_orders([*stated(MAIL, *browsers(LIMIT_OF_IDENTIFIER), phone), *stated(phone, other)]):
        assert last_owner(graph, other) == phone
        assert graph.alone == 0


def test_an_address_in_more_browsers_is_nobodys_once_it_has_too_many_customers_or_telephones() -> None:
    customers = [(CUSTOMER, f"c{number}") for number in range(3)]
    telephones = [("phone", f"+{number}") for number in range(21)]
    for more in ([(CUSTOMER, "fourth")], telephones):
        for graph in in_some_orders(stated(MAIL, *browsers(LIMIT_OF_IDENTIFIER + 1), *customers, *more)):
            assert graph.owned(MAIL) == ()


def test_a_customer_has_more_identifiers_than_an_identifier() -> None:
    kinds = [(f"account{number % 10}", f"{number}") for number in range(LIMIT_IN_ALL + 1)]
    for graph in in_some_orders(stated(ANN, *kinds[:-1])):
        assert {last_owner(graph, one) for one in kinds[:-1]} == {ANN}
    for graph in in_some_orders(stated(ANN, *kinds)):
        assert {last_owner(graph, one) for one in kinds} == set(kinds)
