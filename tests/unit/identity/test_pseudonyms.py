"""Pseudonyms: one of each identifier and kind, and none without the key."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from streams.identity.pseudonyms import Pseudonyms, key_id_of

KEY, OTHER = b"a key that nobody knows", b"another that nobody knows"
ANN = "ann@example.com"


def test_a_pseudonym_is_the_keys_id_and_128_bits_of_hmac_sha_256() -> None:
    pseudonyms = Pseudonyms(KEY)
    digest = hmac.digest(KEY, b"touchline: pseudonym\0email\0ann@example.com", "sha256").hex()

    assert pseudonyms.of("email", ANN) == f"{pseudonyms.key_id}_{digest[:32]}"
    assert pseudonyms.key_id == key_id_of(KEY)
    assert KEY.decode() not in pseudonyms.of("email", ANN)


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_two_identifiers_have_two_pseudonyms(one: tuple[str, str], other: tuple[str, str]) -> None:
    one, other = ((kind.replace("\0", ""), value) for kind, value in (one, other))

    assert (Pseudonyms(KEY).of(*one) == Pseudonyms(KEY).of(*other)) == (one == other)


def test_another_key_gives_others_and_knows_the_earlier_ones_where_it_is_told() -> None:
    made = Pseudonyms(KEY).of("email", ANN)

    assert Pseudonyms(OTHER).of("email", ANN)[9:] != made[9:]
    assert Pseudonyms(KEY).knows(made)
    assert not Pseudonyms(OTHER).knows(made)
    assert Pseudonyms(OTHER, [KEY]).knows(made)
    assert not Pseudonyms(KEY).knows(f"{made}0")
    assert not Pseudonyms(KEY).knows(made[:-1])
    assert not Pseudonyms(KEY).knows(made.upper())
