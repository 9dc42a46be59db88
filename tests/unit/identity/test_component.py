"""A component, and a customer's keys, are the same after they were bytes; and these hold nothing twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.identity_links import CUSTOMER, Identity, Link
from streams.identity.component import (
    Component,
    is_component,
    key_of,
    pack,
    pack_keys,
    unpack,
    unpack_keys,
)

AT = 1_735_689_600_000
COOKIE, CARD, ANN = ("cookie", "k-0001333"), ("crm", "7"), (CUSTOMER, "C0001333")
KINDS = st.sampled_from(["email", "phone", "loyalty_card", "twitter", "device", "cookie", "crm", "0", "\x01", "e"])
IDENTIFIERS: st.SearchStrategy[Identity] = st.tuples(KINDS, st.text(max_size=4))
CUSTOMERS: st.SearchStrategy[Identity] = st.tuples(st.just(CUSTOMER), st.text(max_size=4))


@st.composite
def components(draw: st.DrawFn) -> Component:
    members = draw(st.lists(IDENTIFIERS, min_size=1, max_size=20, unique=True))
    customers = draw(st.lists(CUSTOMERS, max_size=3, unique=True))
    pairs = draw(
        st.lists(st.tuples(st.sampled_from([*customers, *members]), st.sampled_from(members)), max_size=8, unique=True)
    )
    links = {
        pair: Link(
            *pair, draw(st.sampled_from([0, AT, AT + 1])), draw(st.sampled_from(["", "e-1"])), draw(st.booleans())
        )
        for pair in pairs
    }
    return Component({one: key_of(one) for one in members}, links, alone=draw(st.booleans()))


@given(components())
def test_a_component_is_the_same_after_it_was_bytes(component: Component) -> None:
    data = pack(component)
    again = unpack(data)

    assert is_component(data)
    assert list(again.members.items()) == list(component.members.items())
    assert again.links == component.links
    assert again.alone == component.alone


@given(st.dictionaries(KINDS, st.sets(st.integers(0, (1 << 120) - 1), max_size=3)))
def test_a_customers_keys_are_the_same_after_they_were_bytes(keys: dict[str, set[int]]) -> None:
    data = pack_keys(keys)

    assert not is_component(data)
    assert unpack_keys(data) == {kind: some for kind, some in keys.items() if some}


def test_the_bytes_are_few() -> None:
    """By the specification of MessagePack: a head takes a byte, a time nine, a key of 15 bytes two more."""
    link = Link(ANN, COOKIE, AT, "eP0001333-1")
    of_two = 1 + (1 + 1 + 10 + 1 + 9) + (1 + 1 + 9 + 12 + 3)
    assert len(pack(Component({COOKIE: key_of(COOKIE)}, {link.pair: link}))) == of_two
    late = Link(ANN, COOKIE, AT, "eP0001333-1", late=True)
    assert len(pack(Component({COOKIE: key_of(COOKIE)}, {late.pair: late}))) == of_two + 1
    assert len(pack(Component({CARD: key_of(CARD)}, {}))) == 1 + (1 + 4 + 2) + 1
    assert len(pack(Component({CARD: key_of(CARD)}, {}, alone=True))) == 1 + (1 + 4 + 2) + 1 + 2 + 1
    assert len(pack_keys({"cookie": {1}, "email": {2, 3}, "crm": {4}})) == 1 + 18 + (1 + 2 + 30) + (4 + 2 + 15)
