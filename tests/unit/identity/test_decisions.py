"""Decisions on who is who that meet one another, limits and erasures, by hand."""

from __future__ import annotations

from itertools import permutations

from schemas.identity_links import Command, Link
from tests.unit.identity.test_graph import ANN, BOB, COOKIE, MAIL, OTHER_COOKIE, graph_of, owner, some_orders


def test_of_two_customers_the_one_that_the_decision_names_first_is_both_whichever_was_named_before() -> None:
    graph = graph_of([Command("link", BOB, COOKIE, 1, "1"), Command("link", ANN, BOB, 2, "2")])

    assert {owner(graph, one, 50) for one in (ANN, BOB, COOKIE)} == {ANN}


def test_an_address_in_too_many_browsers_is_its_customers_still() -> None:
    """A browser names nobody, so the links with browsers alone fall away. The limit is three of them."""
    browsers = [("cookie", str(number)) for number in range(4)]
    said = [Link(ANN, MAIL, 5, "login"), *(Link(MAIL, one, at, one[1]) for at, one in enumerate(browsers))]

    for order in some_orders(said):
        graph = graph_of(order)

        assert owner(graph, MAIL, 50) == ANN
        assert [owner(graph, one, 50) for one in browsers] == browsers


def test_who_was_forgotten_is_not_known_again_by_whom_a_person_had_linked_them_with() -> None:
    for first, second in permutations([COOKIE, OTHER_COOKIE]):
        graph = graph_of([Command("link", first, second, 1, "1")])
        graph.forget([COOKIE], 10)

        graph.add(Link(MAIL, OTHER_COOKIE, 20, "x"))

        assert len(graph) == 2
        assert graph.person(OTHER_COOKIE) == [OTHER_COOKIE, MAIL]


def test_those_whom_only_somebody_forgotten_connected_are_connected_no_more() -> None:
    """Together they would have a link too many."""
    phone, device = ("phone", "+1"), ("device", "d")
    said = [Link(MAIL, COOKIE, 5, "x"), Link(phone, OTHER_COOKIE, 5, "y")]
    graph = graph_of([*(Command("link", device, one, 1, one[1]) for one in (COOKIE, OTHER_COOKIE)), *said], links_max=2)
    graph.forget([device], 10)

    graph.add(Link(("email", "b@x"), COOKIE, 20, "z"))

    assert (graph.alone, graph.conflicts(COOKIE)) == (0, [])
    assert owner(graph, COOKIE, 50) == MAIL
