"""What people's decisions and erasures cost, however many identities somebody has: instructions between two turns."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest

from schemas.identity_links import CUSTOMER, Command, Identity, Link
from streams.identity import graph as graph_module
from streams.identity.graph import IdentityGraph
from streams.identity.groups import Resolution, resolve
from tests.unit.identity.test_graph_cost import crowd, stated
from tests.unit.instructions import OPCODES, opcodes_of_steps

HUBS, EACH = 30, 50
ANN, BOB = (CUSTOMER, "ann"), (CUSTOMER, "bob")


def of_many() -> tuple[IdentityGraph, list[Identity]]:
    """Return what is known of a customer with a component of 50 links for each of 30 identifiers, and all of these."""
    graph, theirs = IdentityGraph(), [ANN]
    for hub in crowd(HUBS):
        graph.restore(stated(ANN, hub, 1_000))
        browsers: list[Identity] = [("cookie", f"{hub[1]}-{number}") for number in range(EACH)]
        for browser in browsers:
            graph.restore(stated(hub, browser, 1_000))
        theirs += [hub, *browsers]
    return graph, theirs


def test_a_decision_on_a_customer_of_many_components_is_obeyed_in_steps() -> None:
    graph, theirs = of_many()

    steps = opcodes_of_steps(graph.obeying(Command("link", BOB, ANN, 2_000, "decision")))

    assert sum(steps) > 5 * OPCODES
    assert max(steps) < OPCODES
    assert {graph.owned(one)[-1].owner for one in theirs} == {BOB}


def test_a_person_of_many_components_is_found_in_steps() -> None:
    graph, theirs = of_many()

    steps = opcodes_of_steps(graph.finding(theirs[-1]))

    assert sum(steps) > 2 * OPCODES
    assert max(steps) < OPCODES


def test_a_person_is_forgotten_in_steps() -> None:
    graph, theirs = of_many()

    steps = opcodes_of_steps(graph.forgetting(theirs, 2_000))

    assert sum(steps) > 50 * OPCODES
    assert max(steps) < OPCODES
    assert all(graph.owned(one) == () for one in theirs)


def test_a_component_is_resolved_once_for_all_of_a_persons_identities(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was for each of its members: an order to erase somebody of 100,000 identities took two minutes at once."""
    graph, theirs = of_many()
    sizes: list[int] = []

    def counted(links: Iterable[Link], commands: Collection[Command], *window_ms: int) -> Resolution:
        taken = list(links)
        sizes.append(len(taken))
        return resolve(taken, commands, *window_ms)

    monkeypatch.setattr(graph_module, "resolve", counted)
    found = graph.person(theirs[1])

    assert set(found) == set(theirs)
    assert [size for size in sizes if size] == [EACH + 1] * HUBS
