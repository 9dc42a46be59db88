"""How well the rule finds simulated people: the figures are right, and the graph finds what the rule's oracle does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.identity import Known, Rule, measure, read_lines, resolve
from tests.oracle.identity_people import compare
from touchline.simulate.identities import write_identities
from touchline.simulate.stream import period_of


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("people") / "x.jsonl"
    write_identities(200, 5, period_of(365), out, subject_only=True)
    return out


def test_pairs_shares_and_groups_are_counted_by_scenario() -> None:
    people = {
        name: Known(name, scenario, shares=True, customer_id=customer)
        for name, scenario, customer in (("a", "s", "1"), ("b", "s", "2"), ("c", "t", None))
    }
    one, two, anon = ("customer", "1"), ("customer", "2"), ("cookie", "k")
    found = measure(
        iter([("a", one), ("a", one), ("a", one), ("a", anon), ("b", one), ("b", two), ("c", one), ("c", anon)]), people
    )

    # Under customer 1 are three of a, one of b and one of c; under the cookie one of a and one of c.
    # Of s: 3 right pairs; wrong ones are a-b 3, a-c 3, b-c 1, and a-c 1 under the cookie. a has 6 pairs, b has 1.
    assert found["s"].precision == 3 / 11
    assert found["s"].recall == 3 / 7
    assert found["s"].known == 4 / 6
    assert found["s"].groups == 2
    # Of t: no right pair; wrong ones are c with a 3 and with b 1, and with a under the cookie.
    assert (found["t"].precision, found["t"].recall, found["t"].known) == (0, 0, None)
    assert (found["t"].people, found["t"].touchpoints) == (1, 2)


def test_no_two_people_are_one_where_nothing_is_shared(written: Path) -> None:
    people = read_lines(written.with_suffix(".people.jsonl"), Known)
    alone = {person.scenario for person in people if not person.shares}
    found = resolve(written, Rule())

    assert {name: found[name].precision for name in alone} == dict.fromkeys(alone, 1.0)
    # Whoever states all their identities within the window is found as one.
    whole = {"guest_minutes", "guest_days", "guest_stays", "many_identities", "spellings", "one_visit", "subject_only"}
    assert {name: found[name].groups for name in whole} == dict.fromkeys(whole, 1.0)


def test_the_graph_finds_the_oracles_groups(written: Path) -> None:
    looked_up, differences = compare(written)

    assert differences == []
    assert looked_up > 500
