"""E-mail addresses: examples of RFC 5322, RFC 6068 and of mail programs, each with the address that it means."""

from __future__ import annotations

import pytest

from streams.identity.emails import email


@pytest.mark.parametrize(
    ("written", "address"),
    [
        # RFC 5322, appendix A.
        ("John Doe <jdoe@machine.example>", "jdoe@machine.example"),
        ('"Joe Q. Public" <john.q.public@example.com>', "john.q.public@example.com"),
        ("Who? <one@y.test>", "one@y.test"),
        ("<boss@nil.test>", "boss@nil.test"),
        (r'"Giant; \"Big\" Box" <sysservices@example.net>', "sysservices@example.net"),
        (r"Pete(A nice \) chap) <pete(his account)@silly.test(his host)>", "pete@silly.test"),
        ("Mary Smith <@node.test:mary@example.net>", "mary@example.net"),
        ("John Doe <jdoe@machine(comment).  example>", "jdoe@machine.example"),
        ("joe@example.org(with (a nested) comment)", "joe@example.org"),
        # RFC 5321, 4.1.2: quotes that are not needed make no difference; RFC 5322, 3.4.1: address literals.
        ('"ann"@example.com', "ann@example.com"),
        (r'"a\nn"@example.com', "ann@example.com"),
        ('"Ann Smith"@example.com', '"ann smith"@example.com'),
        (r'"ann\ smith"@example.com', '"ann smith"@example.com'),
        (r'"a\"n"@example.com', r'"a\"n"@example.com'),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
        # RFC 6068, section 6.
        ("mailto:chris@example.com", "chris@example.com"),
        ("mailto:infobot@example.com?subject=current-issue", "infobot@example.com"),
        ("mailto:gorby%25kremvax@example.com", "gorby%kremvax@example.com"),
        ("mailto:%22not%40me%22@example.org", '"not@me"@example.org'),
        # As people and mail programs write them.
        ("Ann@Example.COM", "ann@example.com"),
        ("Example, Ann <ann@example.com>", "ann@example.com"),
        ("ann@example.com <mailto:ann@example.com>", "ann@example.com"),
        ("MAILTO:<Ann@example.com>", "ann@example.com"),
        ("SMTP:Ann@example.com", "ann@example.com"),
        ("E-Mail: ann@example.com;", "ann@example.com"),
        ("ann@example.com.", "ann@example.com"),
        ("ann @ example . com", "ann@example.com"),
        # No folding of what only one provider ignores.
        ("a.n.n+shop@gmail.com", "a.n.n+shop@gmail.com"),
    ],
)
def test_an_address_is_what_is_meant(written: str, address: str) -> None:
    assert email(written) == address
    assert email(address) == address


@pytest.mark.parametrize(
    ("unicode", "ascii_form"),
    [
        # RFC 3492 and Unicode's examples of UTS 46.
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "XN--BCHER-KVA.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("☕.example", "xn--53h.example"),
    ],
)
def test_a_domain_is_one_in_both_of_its_forms(unicode: str, ascii_form: str) -> None:
    assert email(f"ann@{unicode}") == email(f"ann@{ascii_form}") == f"ann@{unicode.lower()}"


@pytest.mark.parametrize("label", ["xn--", "xn--a", "xn--999999999", "xn--ann-", "xn--" + "9" * 70, "xn--\u00e9"])
def test_a_label_that_stands_for_no_other_is_kept(label: str) -> None:
    assert email(f"ann@{label}.example") == f"ann@{label}.example"


def test_different_people_stay_apart() -> None:
    written = ("ann@example.com", "an.n@example.com", "ann+1@example.com", "ann@example.org", '"ann "@example.com')
    assert len({email(one) for one in written}) == len(written)
    assert email("ann@fass.de") != email("ann@faß.de")


@pytest.mark.parametrize("digest", ["E3B0C44298FC1C149AFBF4C8996FB924", "q83vEjRWeJA="])
def test_a_hash_in_the_place_of_an_address_is_kept(digest: str) -> None:
    assert email(digest) == digest.lower()


@pytest.mark.parametrize(
    "written",
    [
        *("@", "ann@", "@example.com", "<>", "mailto:", "ask me", "ann smith@example.com", "a@b@example.com"),
        *("a@example.com, b@example.com", "A <a@example.com>, B <b@example.com>", "ann(@example.com", "ann)@x.com"),
        *('"ann@example.com', '"ann"smith@example.com', '""@example.com', "ann@" + "x" * 254),
    ],
)
def test_what_is_no_address_is_none(written: str) -> None:
    assert email(written) is None
