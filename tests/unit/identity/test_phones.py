"""Phone numbers, in the ways in which people, programs and standards write them."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat

from streams.identity.identities import Identities
from streams.identity.phones import REGIONS, Phones

PHONES = Phones()
BRITISH = Phones("GB")
LONDON = "+442079460958"
"""One of the numbers that Ofcom keeps for drama."""
FULL_WIDTH = str.maketrans("+0123456789", "＋０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@pytest.mark.parametrize(
    "written",
    [
        *("+44 20 7946 0958", "0044 20 7946 0958", "(+44) 020 7946 0958", "+44 (0)20 7946 0958", "(0044) 20-7946-0958"),
        *("00 44 (0) 20 7946 0958", "+(44) 20.7946.0958", "+0044 20 7946 0958", "+44/20/79460958", "[+44] 2079460958"),
        *("tel:+44-20-7946-0958", "TEL:+442079460958;isub=1", "tel://+442079460958", "tel:%2B44%2020%207946%200958"),
        *("tel:7946-0958;phone-context=+44-20", "sip:+442079460958@gw.example.net;user=phone", "callto:+442079460958"),
        *("sips:00442079460958:secret@gw.example.net", '"Ann" <sip:+442079460958@gw.example.net>;tag=1'),
        *("whatsapp:+442079460958", "whatsapp:442079460958", "sms:+442079460958?body=hi"),
        *("Tel.: +44 20 7946 0958", "+44 20 7946 0958 (work)", "+44 20 7946 0958 mobile"),
        *(
            "\u202a+44 20 7946 0958\u202c",
            "\u200e٠٠٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨",
            "＋４４ ２０ ７９４６ ０９５８",
            "+४४ २० ७९४६ ०९५८",
        ),
        "\uff0b44\u201020\u20137946\u20140958",
    ],
)
def test_one_number_is_one_however_it_is_written(written: str) -> None:
    from_field = Phones().phone(_clean(written))
    assert from_field == LONDON
    assert BRITISH.phone(_clean(written)) == LONDON


def _clean(written: str) -> str:
    """Return a value as it reaches the numbering plan: in NFKC, without marks of direction."""
    return written.translate(dict.fromkeys(map(ord, "\u200e\u202a\u202c"))).translate(
        {ord(wide): plain for plain, wide in zip("+0123456789", "＋０１２３４５６７８９", strict=True)}
    )


@pytest.mark.parametrize(
    "written",
    [
        *("+44 20 7946 0958 ext. 12", "+44 20 7946 0958 x12", "0044 20 7946 0958 #12", "+44 20 7946 0958,,12#"),
        *("tel:+44-20-7946-0958;ext=12", "+44 20 7946 0958 Extension: 12", "+44 20 7946 0958 EXT ١٢"),
        *("sip:+442079460958;ext=12@gw.example.net", "+442079460958x12"),
    ],
)
def test_an_extension_stays_apart(written: str) -> None:
    assert PHONES.phone(written) == f"{LONDON};ext=12"


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_every_regions_example_is_one_number_in_all_forms(region: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    expected = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    digits = expected.removeprefix("+")
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    written = (
        *(expected, international, international.translate(FULL_WIDTH), international.translate(ARABIC)),
        *(f"00{digits}", f"00 {international.removeprefix('+')}", f"+ {digits}", f"(+{digits[:2]}){digits[2:]}"),
        *(phonenumbers.format_number(number, PhoneNumberFormat.RFC3966), f"sip:{expected}@host", f"whatsapp:{digits}"),
    )

    assert {PHONES.phone(one.replace("＋", "+")) for one in written} == {expected}
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    assert Phones(region).phone(national) == expected
    assert Phones(region).phone(f"{national} ext. 7") == f"{expected};ext=7"


def test_a_national_number_is_read_by_its_region_alone() -> None:
    assert BRITISH.phone("020 7946 0958") == LONDON
    assert Phones("US").phone("011 44 20 7946 0958") == LONDON
    assert Phones("US").phone("(201) 555-0123") == "+12015550123"
    # Without one, it keeps its digits: no country is guessed.
    assert PHONES.phone("020 7946 0958") == "02079460958"
    assert PHONES.phone("442079460958") == "442079460958"
    assert PHONES.phone("030/123 456 ext 7") == "030123456;ext=7"
    assert PHONES.phone("030/123 456 (home)") == PHONES.phone("tel:030-123456;isub=9") == "030123456"


@pytest.mark.parametrize(("written", "kept"), [("+44 20", "+4420"), ("+999 123", "+999123"), ("12345", "12345")])
def test_what_the_plan_does_not_know_as_possible_keeps_its_digits(written: str, kept: str) -> None:
    assert PHONES.phone(written) == BRITISH.phone(written) == kept


@pytest.mark.parametrize("spelt", ["1-800-FLOWERS", "+1 800 FLOWERS", "+1 (800) flowers", "+18003569377"])
def test_a_spelt_number_is_the_number_on_the_keys(spelt: str) -> None:
    assert Phones("US").phone(spelt) == "+18003569377"


def test_an_address_without_a_number_keeps_its_host() -> None:
    assert PHONES.phone("sip:1001@PBX-1.example") == "sip:1001@pbx-1.example"
    assert PHONES.phone("sip:Ann;x=1:pw@example.com;transport=tcp") == "sip:ann@example.com"
    assert BRITISH.phone("sip:1001@pbx-2.example") == "sip:1001@pbx-2.example"
    assert BRITISH.phone("sip:02079460958@gw.example") == LONDON


@pytest.mark.parametrize("sent", ["sip:anonymous@anonymous.invalid", '"Unknown" <sip:Anonymous@example.com>', "0000"])
def test_a_caller_who_is_not_shown_is_left_to_be_seen_as_a_placeholder(sent: str) -> None:
    assert Identities().usable({"phone": sent}) == []
    assert Phones().phone(sent) in {"anonymous", "0000"}


def test_a_number_of_whatsapp_begins_with_its_countrys_code() -> None:
    assert PHONES.phone("whatsapp:442079460958") == PHONES.phone("whatsapp:0044 20 7946 0958") == LONDON
    assert PHONES.phone("whatsapp:020 7946 0958") == "02079460958"


def test_a_hash_in_the_place_of_a_number_is_kept() -> None:
    assert PHONES.phone("9F86D081884C7D659A2FEAA0C55AD015") == "9f86d081884c7d659a2feaa0c55ad015"
    assert PHONES.phone("a" * 128) == "a" * 128


@pytest.mark.parametrize("written", ["ask me", "+", "+ ()", "tel:", "sip:@host", "ann@example.com", "1" * 101 + "2"])
def test_what_is_no_number_is_none(written: str) -> None:
    assert PHONES.phone(written) is None


@pytest.mark.parametrize(
    ("written", "digits"),
    [("+44 0000 000000", "0"), ("+1 999 999 9999", "9999999999"), ("+7 777 777 77 77", "77777777777"), ("(0)", "0")],
)
def test_one_digit_repeated_is_left_to_be_seen_as_a_placeholder(written: str, digits: str) -> None:
    assert PHONES.phone(written) == digits


def test_a_valid_number_may_repeat_a_digit() -> None:
    # Warsaw.
    assert PHONES.phone("+48 22 222 22 22") == "+48222222222"


def test_a_number_is_looked_up_once_and_few_are_kept() -> None:
    phones = Phones()
    for number in range(20_000):
        phones.phone(f"+44 20 79{number:06}")
    phones.phone("+44 20 79000001")
    phones.phone("+44 20 79019999")

    assert phones.cache_hits() == (1, 20_001)
