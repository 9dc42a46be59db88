"""Whom somebody means who names an identity to decide on it, or to erase or find whoever has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity_links import key_of
from streams.identity.identities import Identities
from streams.identity.pseudonyms import Pseudonyms
from streams.settings import load
from touchline.erase.order import identities_named
from touchline.errors import CommandError
from touchline.identity.deciding import identity_of
from touchline.identity.known import candidates

IDENTITIES = Identities("GB", subjects=("case", "order"))
HOSTILE_KINDS = ["customer", "Customer", " customer ", "~customer", "case", "~case", "order", "anon", "~anon", "crm"]
VALUES = ["ann", "17", "customer:ann", "anon:email:ann@example.com", "~ann", "a:b:c"]
CUSTOMERS = ["ann", "anon:customer:ann", "~anon:case:17", "anon:", "~~anon:cookie:k"]


@pytest.mark.parametrize("kind", HOSTILE_KINDS)
@pytest.mark.parametrize("value", VALUES)
def test_a_profiles_name_as_views_show_it_means_that_profile_and_nobody_else(kind: str, value: str) -> None:
    shown = IDENTITIES.customer_key_of(None, {kind: value})

    assert shown is not None
    assert key_of(identity_of(shown, IDENTITIES)) == shown
    assert [key_of(one) for one in candidates(shown, IDENTITIES)] == [shown]
    assert [key_of(one) for one in identities_named(load(), shown)] == [shown]


@given(st.text("~:acdemnorstu", min_size=1), st.text("~:an", min_size=1))
def test_so_does_any_name(kind: str, value: str) -> None:
    shown = IDENTITIES.customer_key_of(None, {kind: value})

    if shown is not None:
        assert key_of(identity_of(f" {shown}", IDENTITIES)) == shown


@pytest.mark.parametrize("customer_id", CUSTOMERS)
def test_a_customers_name_that_would_be_a_profiles_means_that_customer(customer_id: str) -> None:
    shown = IDENTITIES.customer_key_of(customer_id, {})

    assert shown is not None
    assert identity_of(shown, IDENTITIES) == ("customer", shown)
    assert ("customer", shown) in candidates(shown, IDENTITIES)
    assert identity_of(f"customer:{customer_id}", IDENTITIES) == ("customer", shown)


def test_the_name_of_a_profile_under_a_pseudonym_means_that_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "0123456789abcdef0123456789abcdef"
    monkeypatch.setenv("TOUCHLINE_PSEUDONYM_KEY", key)
    pseudonym = Pseudonyms(key.encode()).of("~customer", "ann")

    named = identities_named(load(), f"anon:~customer:{pseudonym}")

    assert named == [("~customer", pseudonym)]


@pytest.mark.parametrize("said", ["customer:ann", "Customer: ann ", "ann", " ann "])
def test_a_customers_id_may_be_named_as_such(said: str) -> None:
    assert identity_of(said, IDENTITIES) == ("customer", "ann")


@pytest.mark.parametrize("said", ["case:17", "~case:17", "anon:~case:17"])
def test_a_kind_and_a_value_may_be_as_a_source_writes_them_or_as_views_show_them(said: str) -> None:
    assert identity_of(said, IDENTITIES) == ("~case", "17")


@pytest.mark.parametrize("said", ["anon:case:17", "anon:customer:ann", "anon:", "null", "email:ann@"])
def test_what_is_nobodys_name_is_no_decision(said: str) -> None:
    """A subject's own profile waits for its owner; nobody is erased, or linked, by its name."""
    with pytest.raises(CommandError, match="identifies nobody"):
        identity_of(said, IDENTITIES)
