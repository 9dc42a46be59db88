"""Identities under pseudonyms: the same people are found, and no identifier is left but in what people write."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.identity import finding
from streams.identity.fields import CHARACTERS_MAX, SIGNS_MAX, STATING_MAX
from streams.identity.hiding import PseudonymousIdentities
from streams.identity.identities import Identities
from streams.identity.patterns import Patterns
from streams.identity.pseudonyms import Pseudonyms
from tests.unit.schemas.records import minimal

PSEUDONYMS = Pseudonyms(b"a key that nobody knows")
HIDING = PseudonymousIdentities(PSEUDONYMS, "GB")
READABLE = Identities("GB")
EMAIL, PHONE = PSEUDONYMS.of("email", "ann@example.com"), PSEUDONYMS.of("phone", "+442079460958")
COOKIE = PSEUDONYMS.of("cookie", "k-1234")

KINDS = st.sampled_from(
    ["email", "E-Mail", "phone", "twitter", "device", "cookie", "loyalty_card", "crm", "a:b", "case", "~customer"]
)
VALUES = st.sampled_from(
    [
        "ann@example.com",
        " <ANN@Example.com>",
        "+44 20 7946 0958",
        "0044 (0)20 79460958",
        "@Ann",
        "ann",
        "null",
        "0",
        "x",
    ]
)
IDENTIFIERS = st.dictionaries(KINDS, VALUES | st.text(max_size=20), max_size=5)


def stored(**fields: Any) -> dict[str, Any]:
    """Return what is stored of a page view with some fields."""
    record = {"identifiers": {}, "attributes": {}} | minimal("page_view") | fields
    return HIDING.stored(record)


@given(IDENTIFIERS, IDENTIFIERS)
def test_two_touchpoints_share_a_pseudonym_exactly_where_they_share_an_identifier(
    one: dict[str, str], other: dict[str, str]
) -> None:
    readable = [set(READABLE.usable(identifiers)) for identifiers in (one, other)]
    hidden = [set(HIDING.usable(identifiers)) for identifiers in (one, other)]

    assert len(hidden[0] & hidden[1]) == len(readable[0] & readable[1])
    assert [len(found) for found in hidden] == [len(found) for found in readable]


@given(IDENTIFIERS)
def test_what_is_stored_is_read_as_what_was_sent(sent: dict[str, str]) -> None:
    kept = stored(customer_id=None, identifiers=sent)

    assert HIDING.usable(kept["identifiers"]) == HIDING.usable(sent)
    assert HIDING.customer_key_of(None, kept["identifiers"]) == HIDING.customer_key_of(None, sent)


def test_all_forms_of_an_identifier_have_one_pseudonym_and_each_kind_another() -> None:
    assert (
        HIDING.usable({"phone": "0044 20 7946 0958"}) == HIDING.usable({"phone": "020 7946 0958"}) == [("phone", PHONE)]
    )
    assert HIDING.customer_key_of(None, {"email": "Ann <ANN@example.com>"}) == f"anon:email:{EMAIL}"
    assert HIDING.usable({"cookie": "ann1"})[0][1] != HIDING.usable({"device": "ann1"})[0][1]


@pytest.mark.parametrize("customer", ["c-1001", "4711", "02079460958", "Ann Miller", "~1"])
def test_a_customers_number_is_kept(customer: str) -> None:
    assert stored(customer_id=customer)["customer_id"] == customer
    assert HIDING.customer(customer) == customer


@pytest.mark.parametrize(
    "customer", ["ann@example.com", "shop/ann@example.com", "+44 20 7946 0958", "anon:email:a@b.de"]
)
def test_a_customers_id_that_is_an_address_or_a_number_is_replaced(customer: str) -> None:
    hidden = stored(customer_id=customer)["customer_id"]

    assert PSEUDONYMS.knows(hidden)
    assert HIDING.customer(customer) == HIDING.customer(hidden) == hidden
    assert HIDING.customer(f"{customer}x") != hidden


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("/help", "/help"),
        ("/me?mail=ann@example.com&x=1", f"/me?mail={EMAIL}&x=1"),
        ("/me?mail=Ann%40Example.com", f"/me?mail={EMAIL}"),
        ("mailto:ANN@example.com", f"mailto:{EMAIL}"),
        ("/call/+44 20 7946-0958/now", f"/call/{PHONE}/now"),
        ("/call?to=%2B442079460958", f"/call?to={PHONE}"),
        ("/c/k-1234/x", f"/c/{COOKIE}/x"),
        ("/at/2024-05-01T12:00:00+02:00", "/at/2024-05-01T12:00:00+02:00"),
        ("@harbour", "@harbour"),
        ("a+b", "a+b"),
    ],
)
def test_in_other_fields_addresses_numbers_and_what_is_stated_are_replaced(said: str, kept: str) -> None:
    found = stored(page=said, event_id=said, attributes={"ref": said, said: "x"}, identifiers={"cookie": "k-1234"})

    assert found["page"] == found["event_id"] == found["attributes"]["ref"] == kept
    assert kept in found["attributes"]


def test_a_text_of_many_identifiers_is_replaced_whole_so_that_nothing_outgrows_its_message() -> None:
    for many in ("a@b.c " * 1_000, "+44 20 7946 0958 " * 400, "k-1234" * 5):
        assert PSEUDONYMS.knows(stored(page=many, identifiers={"cookie": "k-1234"})["page"])


def test_however_many_identifiers_stand_in_a_text_few_of_them_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def note(value: str) -> str:
        read.append(value)
        return value

    monkeypatch.setattr("streams.identity.finding.email", note)
    monkeypatch.setattr(HIDING.phones, "phone", note)

    stored(attributes={f"a{number}": "a@b.c +442079460958 " * 400 for number in range(200)})
    assert read == []
    stored(page="a@b.c +442079460958")
    assert sorted(read) == ["+442079460958", "a@b.c"]


def test_attributes_that_bear_the_name_of_a_kind_are_identifiers_but_for_the_device() -> None:
    attributes = {"Email": "ANN@example.com", "phone": "020 7946 0958", "cookie": "k-1234", "device": "phone"}

    assert stored(attributes=attributes)["attributes"] == {
        "Email": EMAIL,
        "phone": PHONE,
        "cookie": COOKIE,
        "device": "phone",
    }
    assert stored(attributes={"phone": "n/a"})["attributes"] == {"phone": "n/a"}


def test_what_people_write_is_kept() -> None:
    said = "Write to ann@example.com or +44 20 7946 0958"
    record = minimal("tweet") | {"text": said, "identifiers": {"email": "ann@example.com"}, "attributes": {}}

    assert HIDING.stored(record)["text"] == said


def test_what_identifies_nobody_is_left_out_and_counted_once() -> None:
    counted: Counter[tuple[str, str]] = Counter()
    hiding = PseudonymousIdentities(
        PSEUDONYMS, placeholders=Patterns(r"kiosk@.*"), ignored=lambda kind, reason: counted.update([(kind, reason)])
    )
    sent = {"email": "ann@", "cookie": "null", "device": "d-1"}
    record = minimal("page_view") | {"customer_id": "kiosk@shop.example", "identifiers": sent, "attributes": {}}

    kept = hiding.stored(record)
    hiding.customer_key_of(kept["customer_id"], kept["identifiers"])

    assert kept["customer_id"] is None
    assert kept["identifiers"] == {"device": PSEUDONYMS.of("device", "d-1")}
    assert counted == {
        ("email", "malformed"): 1,
        ("cookie", "placeholder"): 1,
        ("customer_id", "pattern"): 1,
    }


def test_two_values_of_one_kind_are_both_kept() -> None:
    kept = stored(identifiers={"email": "ann@example.com", "EMAIL": "bob@example.com"})

    assert {value for _, value in HIDING.usable(kept["identifiers"])} == {
        EMAIL,
        PSEUDONYMS.of("email", "bob@example.com"),
    }


STATED = st.sampled_from([EMAIL, f" {EMAIL} ", EMAIL.upper(), f"~{EMAIL}", f"{EMAIL}\u200b", f"anon:email:{EMAIL}"])


@given(STATED, KINDS)
def test_a_pseudonym_that_a_message_states_links_nothing(said: str, kind: str) -> None:
    kept = stored(
        customer_id=said, identifiers={kind: said}, attributes={"email": said, "ref": said}, page=f"/m/{said}"
    )
    ann = stored(customer_id="ann@example.com", identifiers={"email": "ann@example.com"})

    assert EMAIL not in str(kept)
    assert ann["customer_id"] != kept["customer_id"]
    assert HIDING.customer_key_of(kept["customer_id"], {}) != HIDING.customer_key_of(ann["customer_id"], {})
    assert not set(HIDING.usable(kept["identifiers"])) & set(HIDING.usable(ann["identifiers"]))


def test_a_customers_pseudonym_that_a_message_states_is_another_customers() -> None:
    customer = stored(customer_id="ann@example.com")["customer_id"]

    for said in (customer, f"\t{customer} "):
        assert PSEUDONYMS.knows(stored(customer_id=said)["customer_id"])
        assert stored(customer_id=said)["customer_id"] != customer


def test_the_words_of_the_contract_are_kept_whatever_a_message_states() -> None:
    record = minimal("support_call") | {"phase": "answered", "attributes": {}, "identifiers": {"crm": "answered"}}

    assert HIDING.stored(record)["phase"] == "answered"


@pytest.mark.parametrize(
    ("identifiers", "said"),
    [
        ({f"k{number}": f"{number:06}x" for number in range(100)}, "x" * 8_000),
        ({"cookie": "%41" * 300}, "harmless"),
        ({}, "%e4%b8%80a" * 810),
        ({}, "1+442079460958 " * 500),
    ],
    ids=["many identifiers", "an identifier of escapes", "many escapes", "many numbers"],
)
def test_what_would_take_long_to_search_is_replaced_whole(identifiers: dict[str, str], said: str) -> None:
    kept = stored(identifiers=identifiers, attributes={f"a{number}": f"{said}{number}" for number in range(100)})

    assert all(PSEUDONYMS.knows(value) for value in list(kept["attributes"].values())[-90:])


def test_a_large_touchpoint_without_any_sign_is_kept() -> None:
    attributes = {f"a{number}": f"{number} 日本語 café {'x' * 3_000}" for number in range(80)}
    attributes |= {f"b{number}": "y" * 3_000 for number in range(160)}
    items = [{"sku": f"SKU-{number}-é", "quantity": 1, "price_minor": 1} for number in range(2_000)]
    record = minimal("purchase") | {"attributes": attributes, "items": items, "identifiers": {"email": "a@b.cc"}}

    assert HIDING.stored(record) | {"identifiers": {}} == record | {"identifiers": {}}


def test_of_many_texts_in_which_something_stated_stands_the_first_are_replaced_in_part() -> None:
    items = [{"sku": f"{number}, 020 7946 0958", "quantity": 1, "price_minor": 1} for number in range(2_000)]
    record = minimal("purchase") | {"attributes": {}, "items": items, "identifiers": {"phone": "+44 20 7946 0958"}}

    kept = [item["sku"] for item in HIDING.stored(record)["items"]]

    assert kept[:STATING_MAX] == [f"{number}, {PHONE}" for number in range(STATING_MAX)]
    assert all(map(PSEUDONYMS.knows, kept[STATING_MAX:]))


def test_so_many_signs_of_a_touchpoint_are_read_and_a_further_text_that_has_any_is_replaced_whole() -> None:
    said = {f"a{number:03}": f"by ann{number}@example.com" for number in range(40)}
    attributes = stored(attributes=said)["attributes"]

    assert sum(value.startswith("by ") for value in attributes.values()) == SIGNS_MAX
    assert not any("@" in value for value in attributes.values())


def test_so_many_characters_of_other_scripts_are_read_and_a_further_text_that_has_any_is_replaced_whole() -> None:
    said = {f"a{number:02}": f"{number} é {'x' * 8_000}" for number in range(40)}
    attributes = stored(attributes=said | {"zz": "x" * 8_000})["attributes"]

    read = CHARACTERS_MAX // len(said["a10"])
    assert [attributes[name] for name in list(said)[:read]] == list(said.values())[:read]
    assert all(PSEUDONYMS.knows(attributes[name]) for name in list(said)[read:])
    assert attributes["zz"] == "x" * 8_000


def test_at_so_many_plus_signs_a_number_is_looked_for_and_a_further_text_that_has_any_is_replaced_whole() -> None:
    said = {f"a{number}": "+" * 1_000 for number in range(5)}
    attributes = stored(attributes={**said, "b": "x", "c": "+442079460958"})["attributes"]

    assert [value == "+" * 1_000 for value in list(attributes.values())[:5]] == [True] * 4 + [False]
    assert all(PSEUDONYMS.knows(attributes[name]) for name in ("a4", "c"))
    assert attributes["b"] == "x"


def test_escapes_of_other_scripts_count_as_those_of_ascii() -> None:
    wide = "\N{FULLWIDTH PERCENT SIGN}41 "
    attributes = stored(attributes={"a": wide * 1_000, "b": wide * 2_000, "c": wide * 100, "d": "é"})["attributes"]

    assert (attributes["a"], attributes["b"]) == (wide * 1_000, wide * 2_000)
    assert PSEUDONYMS.knows(attributes["c"])
    assert attributes["d"] == "é"


class Counted:
    """A pattern that counts what it finds."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self.found = 0

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        for match in self._pattern.finditer(text):
            self.found += 1
            yield match


def test_texts_full_of_numbers_are_replaced_whole_without_all_of_them_being_looked_for() -> None:
    said = {f"a{number}": "+442079460958 " * 100 for number in range(20)}
    with patch.object(finding, "_NUMBER", Counted(finding._NUMBER)) as numbers:
        attributes = stored(attributes=said)["attributes"]

    assert all(map(PSEUDONYMS.knows, attributes.values()))
    # Of 2,000: one more than is read, for the first text, and one of each other one.
    assert numbers.found == SIGNS_MAX + 1 + 19
