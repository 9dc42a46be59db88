"""The customer's key: usable identifiers, their order, the names of anonymous profiles, and what is counted."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity_links import CUSTOMER
from streams.identity.identities import Identities
from streams.identity.patterns import Patterns

IDENTITIES = Identities()
# The contract's list, section 3.
NOBODY = (
    "null",
    "none",
    "nil",
    "undefined",
    "nan",
    "true",
    "false",
    "anonymous",
    "guest",
    "unknown",
    "not_authenticated",
    "test",
    "n/a",
    "0",
    "-1",
    "[object Object]",
    "",
)
KINDS = ("email", "phone", "loyalty_card", "account", "twitter", "device", "cookie")


@pytest.mark.parametrize("write", [str, str.upper, str.title, lambda value: f"  {value}\n", lambda value: f"({value})"])
@pytest.mark.parametrize("value", NOBODY)
def test_values_that_are_no_identity_are_ignored(value: str, write: type[str]) -> None:
    assert IDENTITIES.customer_key_of(write(value), {}) is None
    assert IDENTITIES.customer_key_of(None, {kind: write(value) for kind in KINDS}) is None
    assert IDENTITIES.customer_key_of(write(value), {"cookie": "k"}) == "anon:cookie:k"


def test_the_sources_customer_id_is_the_key() -> None:
    assert IDENTITIES.customer_key_of(" C-7 ", {"email": "ann@example.com"}) == "C-7"


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
    assert IDENTITIES.customer_key_of(customer_id, {"cookie": "k"}) == name


def test_a_customers_id_is_compared_as_it_reads_and_keeps_its_case() -> None:
    # NFKC of the ligature fi and of full-width letters; a soft hyphen and a zero-width space are not seen.
    assert IDENTITIES.customer_key_of("Ｃ-\u00ad\u200b7 o\ufb01", {}) == "C-7 ofi"
    assert IDENTITIES.customer_key_of("c-7", {}) == "c-7"
    assert IDENTITIES.customer_key_of("ａｎｏｎ：cookie:k", {}) == "~anon:cookie:k"


def test_short_customer_numbers_of_one_digit_are_customers() -> None:
    assert [IDENTITIES.customer_key_of(number, {}) for number in ("7", "77", "1111", "222222")] == [
        "7",
        "77",
        "1111",
        "222222",
    ]
    assert IDENTITIES.customer_key_of("9999999", {}) is None


@given(st.lists(st.text("~anon:x", min_size=1).filter(lambda name: name not in NOBODY), min_size=2, unique=True))
def test_no_two_customers_get_one_name(customer_ids: list[str]) -> None:
    assert len({IDENTITIES.customer_key_of(customer_id, {}) for customer_id in customer_ids}) == len(customer_ids)


def test_a_record_without_identity_has_no_key() -> None:
    assert IDENTITIES.customer_key_of(None, {}) is None


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
        (" E\u200bMAIL ", "a@b.c", "anon:email:a@b.c"),
        ("ｃｏｏｋｉｅ", "ＡＢ\u200d１", "anon:cookie:AB1"),
        ("instagram", "@AnnExample", "anon:instagram:annexample"),
        ("crm", "@Ann", "anon:crm:@Ann"),
    ],
)
def test_identifiers_are_normalised(kind: str, value: str, customer_key: str) -> None:
    assert IDENTITIES.customer_key_of(None, {kind: value}) == customer_key


@pytest.mark.parametrize(
    ("kind", "value"),
    [("phone", "ask me"), ("phone", "+"), ("phone", "(0)"), ("email", "ann@"), ("twitter", "@null"), ("twitter", "@")],
)
def test_an_identifier_that_normalises_to_nothing_is_ignored(kind: str, value: str) -> None:
    assert IDENTITIES.customer_key_of(None, {kind: value}) is None


def test_an_identifier_of_the_kind_customer_is_no_customers_id() -> None:
    """Its profile would be called `anon:customer:ann`, and who it links would be linked with the customer `ann`."""
    stated = {"Customer": "ann", "cookie": "k"}

    assert IDENTITIES.customer_key_of(None, stated) == "anon:~customer:ann"
    assert IDENTITIES.customer_key_of(None, {"~customer": "ann"}) == "anon:~~customer:ann"
    assert CUSTOMER not in {kind for kind, _ in IDENTITIES.usable(stated)}


@pytest.mark.parametrize("kind", ["", " ", "\u200b", "a:b", "a：b", "x" * 257])
def test_a_kind_that_could_not_be_told_apart_is_ignored(kind: str) -> None:
    assert IDENTITIES.customer_key_of(None, {kind: "x"}) is None


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
    assert IDENTITIES.usable(dict(reversed(strongest_first))) == strongest_first


@given(st.dictionaries(st.sampled_from(KINDS), st.sampled_from([*NOBODY, "a", "b", "1"])), st.randoms())
def test_the_order_of_the_map_makes_no_difference(identifiers: dict[str, str], random: Random) -> None:
    shuffled = list(identifiers.items())
    random.shuffle(shuffled)
    assert IDENTITIES.customer_key_of(None, dict(shuffled)) == IDENTITIES.customer_key_of(None, identifiers)


def test_what_is_ignored_is_counted_by_kind_and_reason() -> None:
    counted: Counter[tuple[str, str]] = Counter()
    identities = Identities("GB", Patterns(r"kiosk-\d+"), lambda kind, reason: counted.update([(kind, reason)]))

    identities.customer_key_of("guest", {"email": "ann@", "phone": "0000000", "cookie": "KIOSK-7", "till": "null"})
    # A customer is known: their identifiers are looked at all the same.
    identities.customer_key_of("C-7", {"email": "NULL", "device": "d-1", "a:b": "c"})
    identities.customer_key_of("kiosk-12", {"cookie": "k"})

    assert counted == {
        ("customer_id", "placeholder"): 1,
        ("customer_id", "pattern"): 1,
        ("email", "malformed"): 1,
        ("email", "placeholder"): 1,
        ("phone", "placeholder"): 1,
        ("cookie", "pattern"): 1,
        ("other", "placeholder"): 1,
        ("other", "malformed"): 1,
    }


def test_a_pattern_holds_for_a_value_as_sent_and_as_compared() -> None:
    identities = Identities(placeholders=Patterns(r".*@example\.com, \+4420.*"))

    assert identities.usable({"email": "Ann <Ann@Example.com>", "phone": "0044 20 7946 0958"}) == []
    assert identities.usable({"email": "ann@example.org"}) == [("email", "ann@example.org")]


def test_what_grows_beyond_its_limit_is_ignored() -> None:
    # One character of Arabic whose NFKC has 18.
    assert IDENTITIES.customer_key_of("\ufdfa" * 15, {}) is None
    assert IDENTITIES.customer_key_of(None, {"cookie": "\ufdfa" * 57}) is None
    assert IDENTITIES.customer_key_of(None, {"cookie": "\ufdfa" * 56}) is not None
