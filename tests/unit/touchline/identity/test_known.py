"""What is known of an identity, however somebody writes it."""

from __future__ import annotations

import pytest

from streams.agents.identities import looked_up_by
from streams.identity.identities import Identities
from streams.identity.pseudonyms import Pseudonyms
from streams.settings import load
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import write
from touchline.identity.known import candidates, known_of


def test_a_value_with_its_kind_is_that_identity_first() -> None:
    assert candidates("phone:+44 20 7946 0958", Identities())[0] == ("phone", "+442079460958")
    assert candidates("email: Ann@Example.com ", Identities())[0] == ("email", "ann@example.com")


def test_a_value_alone_is_each_kind_that_it_can_be_of_and_a_customers_id() -> None:
    found = candidates("Ann@Example.com", Identities())

    assert ("email", "ann@example.com") in found
    assert ("customer", "Ann@Example.com") in found
    assert ("phone", "Ann@Example.com") not in found


def test_a_customers_id_may_be_named_as_such() -> None:
    assert ("customer", "42-7") in candidates("customer:42-7", Identities())


@pytest.mark.embedded
def test_an_identity_is_shown_with_all_of_its_owner(chdb: Engine) -> None:
    write(chdb, "identities")
    write(chdb, "identities", kind="email", value="ann@example.com", event_ids=["e7"], version=2)
    write(chdb, "identities", kind="email", value="bob@example.com", customer_ids=["c9"], version=3)
    write(chdb, "identity_conflicts")

    known = known_of(chdb, "Ann@Example.com", Identities())

    assert [(one.kind, one.value, one.customer_id, one.event_id) for one in known.owned] == [
        ("cookie", "k1", "c1", "e1"),
        ("email", "ann@example.com", "c1", "e7"),
    ]
    assert known.owned[0].since == "2024-05-01 00:00:00.000"
    assert known.refused == []
    assert known_of(chdb, "c1", Identities()).owned == known.owned


@pytest.mark.embedded
def test_who_owned_it_before_is_shown_behind_who_does_now(chdb: Engine) -> None:
    write(chdb, "identities", customer_ids=["anon:email:a"], changed_at=MAY_1, version=1)
    write(chdb, "identities", changed_at=MAY_1 + 9, version=2)
    write(chdb, "identity_conflicts")

    known = known_of(chdb, "cookie:k1", Identities())

    assert [(one.customer_id, one.superseded_at is None) for one in known.owned] == [
        ("c1", True),
        ("anon:email:a", False),
    ]
    assert [(one.value, one.other_value, one.reason) for one in known.refused] == [("c2", "k1", "two_customers")]


@pytest.mark.embedded
def test_an_identity_is_found_by_the_pseudonyms_of_the_key_and_of_earlier_ones(chdb: Engine) -> None:
    key, earlier = "the key that is in force", "the key that was before"
    email = {one: Pseudonyms(one.encode()).of("email", "ann@example.com") for one in (key, earlier)}
    write(chdb, "identities", kind="email", value=email[earlier], customer_ids=["c1"], version=2)
    write(chdb, "identity_conflicts")

    told = looked_up_by(load(pseudonym_key=key, pseudonym_key_old=earlier))

    assert {email[key], email[earlier]} <= {
        value for one in told for kind, value in candidates("Ann@Example.com", one) if kind == "email"
    }
    assert [one.customer_id for one in known_of(chdb, "email:Ann@Example.com", *told).owned] == ["c1"]
    assert known_of(chdb, "email:Ann@Example.com", *looked_up_by(load(pseudonym_key=key))).owned == []
    assert candidates(f"anon:email:{email[earlier]}", told[0]) == [("email", email[earlier])]
