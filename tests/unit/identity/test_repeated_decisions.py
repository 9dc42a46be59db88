"""Decisions that come once more: whoever sends one may send it again, and it is read again after a crash."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.identity_links import Command, Link
from tests.unit.identity.test_graph import ANN, BOB, IDENTITIES, commands, graph_of, links, sizes


@given(st.lists(st.one_of(links, commands), max_size=25), sizes)
def test_a_decision_that_comes_again_changes_nothing(said: list[Link | Command], most: tuple[int, int]) -> None:
    once, again = graph_of(said, *most), graph_of(said, *most)
    for one in said:
        if isinstance(one, Command):
            changes = again.obey(one)
            assert (changes.owners, changes.conflicts, changes.settled) == ({}, [], [])
            again.obey_again(one)

    for identity in (*IDENTITIES, ANN, BOB):
        assert again.owned(identity) == once.owned(identity)
        assert again.conflicts(identity) == once.conflicts(identity)
        assert again.person(identity) == once.person(identity)
    assert (len(again), again.alone) == (len(once), once.alone)
