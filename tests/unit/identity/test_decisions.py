"""Decisions on who is who that meet one another, limits and erasures, by hand."""

from __future__ import annotations

from itertools import permutations

from schemas.identity_links import Command, Link
from streams.identity.groups import ALWAYS, Ownership
from tests.unit.identity.test_graph import ANN, BOB, COOKIE, MAIL, OTHER_COOKIE, WINDOW, graph_of, owner, some_orders


def test_of_two_customers_the_one_that_the_decision_names_first_is_both_whichever_was_named_before() -> None:
    graph = graph_of([Command("link", BOB, COOKIE, 1, "1"), Command("link", ANN, BOB, 2, "2")])

    assert {owner(graph, one, 50) for one in (ANN, BOB, COOKIE)} == {ANN}


def test_a_customer_who_is_another_by_decision_is_among_all_who_have_an_owner() -> None:
    """Else a new epoch's log would not be told of them."""
    graph = graph_of([Command("link", ANN, BOB, 1, "1"), Link(BOB, COOKIE, 5, "login")])

    found = {identity: owned for some in graph.all_owned() for identity, owned in some.items()}

    assert found[BOB] == (Ownership(ALWAYS, ANN, "1"),)
    assert set(found) == {BOB, COOKIE}


def test_of_what_is_connected_only_those_whom_a_conflict_names_have_it() -> None:
    conflict = Link(BOB, COOKIE, 20, "z")
    graph = graph_of([Link(ANN, MAIL, 5, "x"), Link(MAIL, COOKIE, 10, "y"), conflict])

    assert [one.link for one in graph.conflicts(COOKIE)] == [conflict]
    assert graph.conflicts(MAIL) == []


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


def test_what_passed_a_limit_is_no_conflict_any_more_once_somebody_has_decided_on_it_either_way() -> None:
    """The limit is three browsers: all four links are conflicts, and one of them is decided on."""
    browsers = [("cookie", str(number)) for number in range(4)]
    links = [Link(MAIL, one, at, one[1]) for at, one in enumerate(browsers)]
    for action in ("link", "unlink"):
        graph = graph_of(links)

        changes = graph.obey(Command(action, MAIL, browsers[1], 10, "1"))

        assert [conflict.link for conflict in changes.settled] == [links[1]]
        assert [conflict.link for conflict in graph.conflicts(browsers[1])] == []
        assert [conflict.link for conflict in graph.conflicts(browsers[2])] == [links[2]]
        assert (owner(graph, browsers[1], 50) == MAIL) == (action == "link")


def test_a_conflict_that_was_decided_on_is_one_again_when_the_decision_is_taken_back_before_it() -> None:
    """An unlink of an earlier time than a touchpoint says nothing of it."""
    links = [Link(MAIL, ("cookie", str(at)), at, str(at)) for at in range(4)]
    graph = graph_of([*links, Command("link", MAIL, ("cookie", "3"), 1, "1")])

    changes = graph.obey(Command("unlink", MAIL, ("cookie", "3"), 2, "2"))

    assert [conflict.link for conflict in changes.conflicts] == [links[3]]


def test_a_decision_that_connects_too_many_tells_of_all_links_that_link_nothing_by_it() -> None:
    one, other = Link(MAIL, COOKIE, 5, "x"), Link(("phone", "+1"), OTHER_COOKIE, 6, "y")
    graph = graph_of([one, other], links_max=1)

    changes = graph.obey(Command("link", COOKIE, OTHER_COOKIE, 10, "1"))

    assert {(conflict.link, conflict.reason) for conflict in changes.conflicts} == {
        (one, "too_connected"),
        (other, "too_connected"),
    }
    assert changes.settled == []


def test_who_is_who_is_the_same_when_all_is_read_again_at_a_start() -> None:
    login, decision = Link(ANN, COOKIE, 10, "x"), Command("link", BOB, ANN, 5, "1")
    graph = graph_of([])

    graph.restore(login)
    graph.obey_again(decision)

    assert graph.owned(COOKIE) == (Ownership(10 - WINDOW, BOB, "x"),)
    assert graph.owned(ANN) == (Ownership(ALWAYS, BOB, "1"),)


def test_who_is_a_customers_by_decision_alone_is_told_to_a_new_epochs_log_after_a_start_too() -> None:
    for first, second in permutations([ANN, COOKIE]):
        graph = graph_of([])
        graph.obey_again(Command("link", first, second, 1, "1"))

        found = {identity: owned for some in graph.all_owned() for identity, owned in some.items()}

        assert found == {COOKIE: (Ownership(ALWAYS, ANN, "1"),)}


def test_two_customers_that_a_decision_makes_one_are_one_person_also_without_any_identifier() -> None:
    """Whoever is erased by the one id is erased by the other."""
    graph = graph_of([Command("link", ANN, BOB, 1, "1")])

    assert set(graph.person(ANN)) == set(graph.person(BOB)) == {ANN, BOB}
