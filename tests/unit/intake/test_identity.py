"""The customer's key: usable identifiers, their order, and the names of anonymous profiles."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.intake.identity import customer_key_of, usable_identifiers

# The contract's list, section 2.
NOBODY = (
    "null",
    "none",
    "undefined",
    "nan",
    "anonymous",
    "guest",
    "unknown",
    "test",
    "n/a",
    "0",
    "-1",
    "[object Object]",
    "",
)
KINDS = ("email", "phone", "loyalty_card", "account", "twitter", "device", "cookie")


@pytest.mark.parametrize("write", [str, str.upper, str.title, lambda value: f"  {value}\n"])
@pytest.mark.parametrize("value", NOBODY)
def test_values_that_are_no_identity_are_ignored(value: str, write: type[str]) -> None:
    assert customer_key_of(write(value), {}) is None
    assert customer_key_of(None, {kind: write(value) for kind in KINDS}) is None
    assert customer_key_of(write(value), {"cookie": "k"}) == "anon:cookie:k"


def test_the_sources_customer_id_is_the_key() -> None:
    assert customer_key_of(" C-7 ", {"email": "ann@example.com"}) == "C-7"


@pytest.mark.parametrize(
    ("customer_id", "name"),
    [
        ("anon:cookie:k", "~anon:cookie:k"),
        (" anon:", "~anon:"),
        ("~anon:cookie:k", "~~anon:cookie:k"),
        ("~~anon:", "~~~anon:"),
        ("~ann", "~ann"),
        ("anonymous-7", "anonymous-7"),
        ("Anon:7", "Anon:7"),
    ],
)
def test_a_customer_is_never_taken_for_an_anonymous_profile(customer_id: str, name: str) -> None:
    assert customer_key_of(customer_id, {"cookie": "k"}) == name


@given(st.lists(st.text("~anon:x", min_size=1).filter(lambda name: name not in NOBODY), min_size=2, unique=True))
def test_no_two_customers_get_one_name(customer_ids: list[str]) -> None:
    assert len({customer_key_of(customer_id, {}) for customer_id in customer_ids}) == len(customer_ids)


def test_a_record_without_identity_has_no_key() -> None:
    assert customer_key_of(None, {}) is None


@pytest.mark.parametrize(
    ("kind", "value", "customer_key"),
    [
        ("email", " Ann@Example.COM ", "anon:email:ann@example.com"),
        ("phone", "+49 (30) 123-456", "anon:phone:+4930123456"),
        ("phone", "030/123 456", "anon:phone:030123456"),
        ("twitter", "@AnnExample", "anon:twitter:annexample"),
        ("twitter", "AnnExample", "anon:twitter:annexample"),
        ("loyalty_card", " aB12 ", "anon:loyalty_card:aB12"),
        ("Device", "iPad:7", "anon:device:iPad:7"),
    ],
)
def test_identifiers_are_normalised(kind: str, value: str, customer_key: str) -> None:
    assert customer_key_of(None, {kind: value}) == customer_key


@pytest.mark.parametrize(
    ("kind", "value"),
    [("phone", "ask me"), ("phone", "+"), ("phone", "(0)"), ("twitter", "@null"), ("twitter", "@")],
)
def test_an_identifier_that_normalises_to_nothing_is_ignored(kind: str, value: str) -> None:
    assert customer_key_of(None, {kind: value}) is None


@pytest.mark.parametrize("kind", ["", " ", "a:b"])
def test_a_kind_that_could_not_be_told_apart_is_ignored(kind: str) -> None:
    assert customer_key_of(None, {kind: "x"}) is None


def test_the_strongest_identifier_names_the_profile() -> None:
    strongest_first = [
        ("email", "a@b.c"),
        ("phone", "1"),
        ("loyalty_card", "l"),
        ("account", "x"),
        ("zeta", "y"),
        ("twitter", "t"),
        ("device", "d"),
        ("cookie", "k"),
    ]
    assert usable_identifiers(dict(reversed(strongest_first))) == strongest_first


@given(st.dictionaries(st.sampled_from(KINDS), st.sampled_from([*NOBODY, "a", "b", "1"])), st.randoms())
def test_the_order_of_the_map_makes_no_difference(identifiers: dict[str, str], random: Random) -> None:
    shuffled = list(identifiers.items())
    random.shuffle(shuffled)
    assert customer_key_of(None, dict(shuffled)) == customer_key_of(None, identifiers)
