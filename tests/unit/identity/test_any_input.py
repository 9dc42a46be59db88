"""Whatever is sent as an identifier: its form is bounded, seen, its own form, and one for all ways of writing it."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from schemas.limits import MAPS, SHORT
from streams.identity.identities import Identities
from streams.identity.phones import REGIONS

KINDS = ("email", "phone", "loyalty_card", "twitter", "mastodon", "device", "cookie", "crm")
IDENTITIES = {region: Identities(region) for region in ("", "GB", "US", "IT", "BR", "AU")}
MARKS = ("\u200b", "\u200d", "\u200e", "\u202a", "\u202c", "\u2060", "\ufeff", "\u00ad", "\ufe0f", "\U000e0041")
"""What nobody sees."""

pieces = st.one_of(
    st.text(max_size=12),
    st.text("0123456789+-() .", max_size=16),
    st.text("٠١٢٣٤٥٦٧٨٩०१२３４＋", max_size=8),
    st.text('ab."\\<>()@,;: \t', max_size=12),
    st.sampled_from(
        [
            *("mailto:", "tel:", "sip:", "whatsapp:", "smtp:", "%40", "%2B", "%00", "@", "<", ">", '"', "(", ")"),
            *("ann", "example.com", "xn--bcher-kva", "xn--", "ẞ", "İ", "ﬁ", "ﷺ", "\u0345", "ª", "ϔ", "。", "🙂"),
            *(";ext=", " ext. ", "x", "#", ";phone-context=+44", ";isub=1", "00", "0044", "+44", "011", "FLOWERS"),
            *("https://x.com/", "null", "0000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "urn:uuid:", "?", ":"),
            *MARKS,
        ]
    ),
)
values = st.lists(pieces, max_size=10).map("".join).map(lambda text: text[: MAPS["identifiers"].value])


@settings(max_examples=1_500, deadline=None)
@given(st.sampled_from(KINDS), values, st.sampled_from(sorted(IDENTITIES)))
@example("phone", "+44 0020 7946 0958", "")
@example("phone", "++00+00 1", "US")
@example("phone", "00000440044", "GB")
@example("phone", "00:1", "")
@example("email", '"\\"@b', "")
@example("email", "<" * 1_024, "")
@example("email", "(" * 1_024, "")
@example("email", '"' * 1_023 + "@", "")
@example("email", "a@" + "xn--9." * 170, "")
@example("phone", "tel:" * 25, "GB")
def test_a_form_is_its_own_form_and_holds_nothing_unseen(kind: str, value: str, region: str) -> None:
    identities = IDENTITIES[region]

    for _, form in identities.usable({kind: value}):
        assert identities.usable({kind: form}) == [(kind, form)]
        assert 0 < len(form) <= MAPS["identifiers"].value
        assert not {unicodedata.category(char) for char in form} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert not set(form) & set(MARKS)
        assert unicodedata.is_normalized("NFKC", form)
        assert form == form.strip()


@settings(max_examples=500, deadline=None)
@given(values)
def test_so_is_a_customers(value: str) -> None:
    identities = IDENTITIES[""]

    key = identities.customer(value)

    if key is not None:
        assert len(key) <= SHORT + 1
        assert not {unicodedata.category(char) for char in key} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert key.startswith("~") or identities.customer(key) == key


# -- one thing, written in many ways -----------------------------------------------------------------------------------

FULL_WIDTH = {ord(char): chr(ord(char) + 0xFEE0) for char in "0123456789+@abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"}
DIGITS = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "๐๑๒๓๔๕๖๗๘๙", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")


@st.composite
def blurred(draw: st.DrawFn, text: str) -> str:
    """Return a text with blanks around it and marks in it, full-width here and there."""
    wide = draw(st.booleans())
    text = text.translate(FULL_WIDTH) if wide else text
    for mark in draw(st.lists(st.sampled_from(MARKS), max_size=3)):
        at = draw(st.integers(0, len(text)))
        text = f"{text[:at]}{mark}{text[at:]}"
    before = draw(st.sampled_from(["", " ", "\t", "\u00a0", "\u3000"]))
    return before + text + draw(st.sampled_from(["", " ", "\r\n"]))


@st.composite
def written_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """Return the E.164 form of a region's example of a number, and another way to write it."""
    kinds = [phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]
    region = draw(st.sampled_from(sorted(REGIONS)))
    number = phonenumbers.example_number_for_type(region, draw(st.sampled_from(kinds)))
    if number is None:
        number = phonenumbers.example_number(region)
    assert number is not None
    form = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    style = draw(st.sampled_from([PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL]))
    text = phonenumbers.format_number(number, style)
    text = text.replace(" ", draw(st.sampled_from([" ", "-", ".", "\u2013", "/", "\u00a0", "  "])))
    text = text.replace("+", draw(st.sampled_from(["+", "00", "00 ", "(+)", "+ ", "+00"])), 1)
    text = text.translate(dict(zip(range(ord("0"), ord("9") + 1), draw(st.sampled_from(DIGITS)), strict=True)))
    around = ["{}", "tel:{}", "sip:{}@gw.example.net;user=phone", "Tel. {}", "<sip:{}@gw>", "whatsapp:{}", "{} (home)"]
    text = draw(st.sampled_from(around)).format(text)
    if extension := draw(st.sampled_from(["", "7", "012"])):
        form = f"{form};ext={extension}"
        text = text.replace("@", f";ext={extension}@") if "@" in text else f"{text} ext. {extension}"
    return form, draw(blurred(text))


@settings(max_examples=600, deadline=None)
@given(written_numbers())
def test_a_phone_number_has_one_form(pair: tuple[str, str]) -> None:
    form, written = pair

    assert IDENTITIES[""].usable({"phone": written}) == [("phone", form)]


@st.composite
def written_addresses(draw: st.DrawFn) -> tuple[str, str]:
    """Return an address in small letters, and another way to write it."""
    local = draw(st.from_regex(r"[a-z][a-z0-9_+-]{0,8}(\.[a-z0-9]{1,5})?", fullmatch=True))
    domain = draw(st.sampled_from(["example.com", "bücher.example", "mail.例え.テスト", "faß.de", "xyz.co.uk"]))
    form = f"{local}@{domain}"
    sent_local = draw(st.sampled_from([local, local.upper(), local.title(), f'"{local}"']))
    labels = [label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in domain.split(".")]
    sent_domain = draw(
        st.sampled_from([domain, ".".join(labels), domain.replace("b", "B"), f"{domain}.", f" {domain} "])
    )
    text = f"{sent_local}@{sent_domain}"
    return form, draw(
        st.sampled_from(
            [
                *(text, f"<{text}>", f"Ann Example <{text}>", f'"Example, Ann (sales)" <{text}>', f"{text} (Ann)"),
                *(
                    f"mailto:{text}",
                    f"MAILTO:{quote(text.strip())}?subject=a@b.c",
                    f"{form} <mailto:{text}>",
                    f"{text};",
                ),
            ]
        )
    )


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_an_address_has_one_form(data: st.DataObject) -> None:
    form, written = data.draw(written_addresses())
    written = data.draw(blurred(written)) if not written.lower().startswith("mailto:") else written

    assert IDENTITIES[""].usable({"email": written}) == [("email", form)]


@pytest.mark.parametrize("kind", ["cookie", "device", "crm", "loyalty_card"])
@given(data=st.data())
def test_any_other_value_is_what_is_seen_of_it(kind: str, data: st.DataObject) -> None:
    value = data.draw(
        st.from_regex(r"[A-P][a-p0-9]{1,8}[a-p]", fullmatch=True).filter(lambda text: text[0] != text[-1])
    )

    assert IDENTITIES[""].usable({kind: data.draw(blurred(value))}) == [(kind, value)]
