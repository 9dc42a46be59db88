"""Whom bytes name that nobody can read: whoever is erased, for certain, or perhaps, or not at all."""

from __future__ import annotations

import pytest

from streams.identity.naming import may_name, names

CARD, RANDOM = "6012345678901234", "0b5c1d2e-93f4-4a6b-8c7d-123456789abc"
CERTAIN = [
    ("42", b'{"customer_id": "42", "identifiers": {"email":'),
    ("42", b'{"customer_id": 42, "amount": {'),
    ("42", b'{"customer_id": {"string": "42"}'),
    ("42", b'{"data": "{\\"customerId\\":\\"42\\"'),
    ("42", b"<customer_id>42</customer_id"),
    ("42", b"\xc3\x01\x99\x02\x0442\x00"),
    ("42", b"42"),
    ("42", b"event_id 'e' of '42' was seen before"),
    ("jürgen", b'{"customer_id": "j\\u00fcrgen"'),
    ("anon:email:ann@x.com", b"\x00 Ann@X.com \xff"),
    ("anon:phone:+442079460958", b'{"caller": "+44 (0)20 7946-0958"'),
    ("anon:cookie:k-1", b'{"identifiers": {"cookie":"K-1"}'),
    ("anon:cookie:k-1", b"\x02\x0ccookie\x06k-1\x00"),
    ("anon:cookie:k-1", b"event_id 'e' of 'anon:cookie:k-1' was seen before"),
    (f"anon:loyalty:{CARD}", b"row;" + CARD.encode()),
    (f"anon:device:{RANDOM}", RANDOM.upper().encode() + b";"),
    ("anon:case:17", b'{"case_id": "17", "step"'),
    ("anon:~customer:ann", b'{"identifiers": {"customer": "Ann", "email":'),
    ("anon:~case:17", b"\x02\x08case\x0417\x00"),
    ("n" * 80, b"\x02\xa0\x01" + b"n" * 80),
]
PERHAPS = [
    ("42", b'["42"]'),
    ("42", b"no record \x0442"),
    ("anon:loyalty:EUR", b'{"currency": "EUR"'),
    ("anon:crm:event_id", b'{"event_id": "e"'),
    ("anon:crm:2026-11-29", b'{"occurred_at": "2026-11-29T10:00:00Z"'),
    ("anon:cookie:web-shop-2", b'{"source": "web-shop-2"'),
    ("anon:~customer:ann-1001", b'{"customer_id": "ann-1001"'),
    ("anon:~case:case-1001", b'{"case_id": "case-1001"'),
    ("checkout", b'{"page": "checkout", "customer_id": "bob"'),
]
NOT = [
    ("42", b'{"customer_id": "421", "n": 42, "s": "x42"}'),
    ("42", b'{"customer_id": "x"}'),
    ("anon:cookie:k-1", b'{"cookie": "k-11", "k": "k-2"}'),
    ("bob", b""),
]


@pytest.mark.parametrize(("customer_key", "raw"), CERTAIN)
def test_what_is_nobody_elses_or_stands_in_the_place_of_an_identifier_names_somebody(
    customer_key: str, raw: bytes
) -> None:
    assert names(raw, customer_key)
    assert may_name(raw, customer_key)


@pytest.mark.parametrize(("customer_key", "raw"), PERHAPS)
def test_a_word_that_others_use_too_names_nobody_for_certain(customer_key: str, raw: bytes) -> None:
    assert not names(raw, customer_key)
    assert may_name(raw, customer_key)


@pytest.mark.parametrize(("customer_key", "raw"), NOT)
def test_what_only_looks_like_it_names_nobody(customer_key: str, raw: bytes) -> None:
    assert not may_name(raw, customer_key)
