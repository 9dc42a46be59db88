"""However an address or a number is written, and wherever: with a key it is not stored. What is none is kept."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import touchline
from schemas.avro.jsonl import parse_line
from streams.identity.hiding import PseudonymousIdentities
from streams.identity.pseudonyms import Pseudonyms
from streams.identity.written import located, searched
from tests.unit.identity.written_forms import ADDRESS, ADDRESSES, NUMBER, NUMBERS, PLACED, Writer, shows
from tests.unit.schemas.records import minimal

SAMPLE = Path(touchline.__file__).parent / "sample.jsonl"
PSEUDONYMS = Pseudonyms(b"a key that nobody knows")
HIDING = PseudonymousIdentities(PSEUDONYMS, "GB")

WRITTEN = [
    *((ADDRESS, name, writer) for name, writer in ADDRESSES.items()),
    *((NUMBER, name, writer) for name, writer in NUMBERS.items()),
]


def stored(kind: str = "page_view", **fields: Any) -> dict[str, Any]:
    return HIDING.stored({"identifiers": {}, "attributes": {}} | minimal(kind) | fields)


@pytest.mark.parametrize("placed", PLACED.values(), ids=PLACED)
@pytest.mark.parametrize(
    ("identifier", "writer"), [one[::2] for one in WRITTEN], ids=[f"{a[0]} {n}" for a, n, _ in WRITTEN]
)
def test_in_whatever_form_and_place_it_is_not_stored(identifier: str, writer: Writer, placed: Writer) -> None:
    said = placed(writer(identifier))
    assert shows(said)

    view = stored(page=said, event_id=said, source=said, customer_id=said, attributes={"ref": said, said: "x"})
    call = stored("support_call", call_id=said, agent_id=said, topic=said)
    bought = stored(
        "purchase", items=[{"sku": said, "quantity": 1, "price_minor": 1}], identifiers={said: "some value"}
    )

    assert [name for one in (view, call, bought) for name, value in one.items() if shows(str(value))] == []


@pytest.mark.parametrize("kind", ["email", "phone"])
def test_all_these_forms_of_one_have_its_pseudonym(kind: str) -> None:
    # Those that are another address, or have something else with them, are left out.
    others = {"a quoted local part", "in a list", "with a tag", "an apostrophe", "punycode", "an address literal"}
    others |= {"a host of another script", "the sender of a bounce", *(one for one in ADDRESSES if "script" in one)}
    others |= {one for one in ADDRESSES if "quoted local" in one}
    identifier, writers = (ADDRESS, ADDRESSES) if kind == "email" else (NUMBER, NUMBERS)
    wanted = HIDING.usable({kind: identifier})[0][1]

    pages = {name: stored(page=writer(identifier))["page"] for name, writer in writers.items() if name not in others}

    assert [name for name, page in pages.items() if wanted not in page] == []


IDENTIFIERS = {
    "phone": (
        "020 7946 0958",
        ["(020) 7946-0958", "02079460958", "0044 20 7946 0958", "442079460958", "sms_442079460958"],
    ),
    "loyalty_card": ("6012 3456 7890", ["/c/601234567890", "6012-3456-7890", "card%3A6012+3456+7890", "n601234567890"]),
    "cookie": ("K-12/34", ["/c?k=k-12%2F34", "xK-12/34x", "/K%2D12%2f34", "k-12/34", "K–12／34"]),
    "twitter": ("@Zoe_Miller", ["https://x.com/zoe_miller", "/u/ZOE_MILLER/1", "by @zoe_miller", "xzoe_millerx"]),
    "email": ("ann@example.com", ["bounce+ann=example.com", "ann%25252540example.com", "mail_ann@example.com"]),
}


@pytest.mark.parametrize(("kind", "sent", "said"), [(k, v[0], one) for k, v in IDENTIFIERS.items() for one in v[1]])
def test_what_is_stated_is_found_in_its_other_forms(kind: str, sent: str, said: str) -> None:
    [(_, pseudonym)] = HIDING.usable({kind: sent})

    assert pseudonym in stored(page=said, identifiers={kind: sent})["page"]


PLAIN = [
    *("2024-05-01T12:00:00+02:00", "20240501T120000+0200", "Wed Oct 10 20:19:24 +0000 2018"),
    *("Sat Oct 13 20:19:24 +1030 2018", "2024-05-01 12:00:00.123 +0100", "1714564800.123+0200"),
    *("1.2.3+20240501", "v2.0.0+20130313144700", "2.0.0-rc.1+exp.sha.5114f85", "1.0.0+21AF26D3", "1.0.0+2030010103"),
    *("lodash@4.17.21", "@scope/name@1.2.3-beta.4", "logo@2x.png", "/maps/@51.5072,-0.1276,15z", "@harbour", "/@ann/7"),
    *("9b2f7c1e-3d44-4a51-9a0e-1c5d2f6b7a88", "ORD-2024-000123", "INV/2024/05/0001", "4006381333931", "79460951"),
    *(
        "EUR 1,234,567.89",
        "100+2000000",
        "+12.5%",
        "-1234567",
        "+1 234",
        "12+34=46",
        "a+b+c+d+e+f",
        "red+shoes+size+42",
    ),
    *(
        "SGVsbG8+Zm9vYmFy/w==",
        "%2Fshop%2Fred%20shoes%3Fa%3D1%26b%3D2",
        "caf%C3%A9",
        "100 %",
        "&nbsp;&amp;",
        "C:\\users\\x",
    ),
    *(
        "Köln",
        "日本語テキスト",
        "10–12 Uhr",
        "C++",
        "g++-12",
        "+",
        "@",
        "50.1109,+8.6821",
        "+49",
        "tel:112",
        "01:00:00+00:00",
    ),
]


@pytest.mark.parametrize("said", PLAIN)
def test_what_is_no_identifier_is_kept(said: str) -> None:
    kept = stored(
        page=said, event_id=said, customer_id=said, attributes={said: said}, identifiers={"cookie": "k-77777"}
    )

    assert (kept["page"], kept["event_id"], kept["customer_id"], kept["attributes"]) == (said, said, said, {said: said})


MODERN, LAST_DAY = date(1990, 1, 1), date(2099, 12, 31)
ORDINARY = st.one_of(
    st.uuids().map(str),
    st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat()),
    st.datetimes().map(lambda time: time.strftime("%a %b %d %H:%M:%S +0200 %Y")),
    st.from_regex(r"v?[0-9]{1,2}\.[0-9]{1,3}\.[0-9]{1,2}(-rc\.[0-9])?", fullmatch=True),
    st.dates(MODERN, LAST_DAY).map(lambda day: f"1.4.2+{day:%Y%m%d}"),
    st.from_regex(r"(ORD|INV|CASE|SKU)[-_/#]?[0-9]{4,12}([-/][A-Z0-9]{2,6})?", fullmatch=True),
    st.decimals(places=2, allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6).map(str),
    st.binary(min_size=16, max_size=32).map(bytes.hex),
    st.text("abcdefghijklmnop0123456789-_/?=&", max_size=60),
)


@given(st.lists(ORDINARY, min_size=1, max_size=4))
def test_ordinary_ids_times_amounts_and_versions_are_kept(said: list[str]) -> None:
    page = "/".join(said)
    kept = stored(page=page, event_id=said[0], attributes=dict.fromkeys(said, said[0]))

    assert (kept["page"], kept["event_id"], kept["attributes"]) == (page, said[0], dict.fromkeys(said, said[0]))


def test_in_the_sample_shop_nothing_is_replaced_but_identifiers() -> None:
    with SAMPLE.open("rb") as lines:
        records = [parse_line(line)[1] for line in itertools.islice(lines, 0, None, 7)]
    touchpoints = [record for record in records if "identifiers" in record]

    assert len(touchpoints) > 1_000
    for record in touchpoints:
        assert HIDING.stored(record) | {"identifiers": {}} == record | {"identifiers": {}}


@given(st.text() | st.text("%25&#x;4026amp\\u+@é日＠\u200b\xadﬃ") | st.text("%0123456789abcdefABCDEF"))
def test_places_are_those_of_the_text_that_is_searched(text: str) -> None:
    found = located(text)

    assert found.text == searched(text)
    assert len(found.starts) == len(found.text)
    assert list(found.starts) == sorted(found.starts)
    assert all(0 <= start < len(text) for start in found.starts)
