"""What a publisher can make of others' identities, as docs/security.md says, and what takes it back."""

from __future__ import annotations

from schemas.identity_links import CUSTOMER, Command, Identity, Link
from schemas.units import DAY_MS
from streams.identity.graph import IdentityGraph
from streams.identity.limits import LIMITS

AT = 1_700_000_000_000
ANN, MALLORY = (CUSTOMER, "ann"), (CUSTOMER, "mallory")
EMAIL = ("email", "ann@example.com")
OWN = Link(ANN, EMAIL, AT, "own")


def owner(graph: IdentityGraph, identity: Identity) -> Identity:
    """Return whose an identity is now."""
    owned = graph.owned(identity)
    return owned[-1].owner if owned else identity


def test_a_link_that_is_dated_back_takes_an_identity_until_a_person_unlinks_it() -> None:
    graph = IdentityGraph()
    graph.add(OWN)
    graph.add(Link(MALLORY, EMAIL, AT - DAY_MS, "forged"))
    assert owner(graph, EMAIL) == MALLORY
    assert owner(graph, ANN) == ANN

    graph.obey(Command("unlink", EMAIL, MALLORY, AT + 1, "decision"))
    assert owner(graph, EMAIL) == ANN


def test_a_late_link_takes_nothing() -> None:
    graph = IdentityGraph()
    graph.add(OWN)
    graph.add(Link(MALLORY, EMAIL, AT - 9 * DAY_MS, "forged", late=True))

    assert owner(graph, EMAIL) == ANN


def test_an_identity_that_is_stated_with_too_many_customers_links_nothing_until_a_person_links_it() -> None:
    graph = IdentityGraph()
    graph.add(OWN)
    forged = [(CUSTOMER, f"m{number}") for number in range(LIMITS[CUSTOMER])]
    for customer in forged:
        graph.add(Link(customer, EMAIL, AT + 1, "forged"))
    assert owner(graph, EMAIL) == EMAIL

    for number, customer in enumerate(forged):
        graph.obey(Command("unlink", EMAIL, customer, AT + 2, f"c{number}"))
    assert owner(graph, EMAIL) == EMAIL
    graph.obey(Command("link", ANN, EMAIL, AT + 3, "decision"))
    assert owner(graph, EMAIL) == ANN
