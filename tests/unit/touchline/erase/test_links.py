"""What is left of the links when somebody was erased."""

from __future__ import annotations

from schemas.erasures import Erasure, digest_of
from schemas.identity_links import CUSTOMER, Command, Erase, Link, LinkRecord
from schemas.subjects import Statement, SubjectStated
from touchline.erase.links import surviving

SALT = b"s" * 16
ANN, BOB, MAIL, COOKIE = (CUSTOMER, "ann"), (CUSTOMER, "bob"), ("email", "a@x"), ("cookie", "k")
ERASURE = Erasure("order", 100, SALT, [digest_of(SALT, key) for key in ("ann", "anon:email:a@x")], 4)


def test_what_names_somebody_who_was_erased_and_is_older_goes_with_the_order() -> None:
    gone: list[LinkRecord] = [
        Link(ANN, MAIL, 100, "e1"),
        Link(MAIL, COOKIE, 50, "e2"),
        Link(BOB, MAIL, 50, "e3"),
        Command("link", BOB, ANN, 100, "c1"),
        Erase([ANN], 100, "order", SALT),
    ]
    stays: list[LinkRecord] = [
        Link(ANN, MAIL, 101, "e4"),
        Link(BOB, COOKIE, 50, "e5"),
        Command("unlink", ANN, COOKIE, 101, "c2"),
        Erase([BOB], 100, "not carried out yet", SALT),
    ]

    assert list(surviving([*gone, *stays], [ERASURE])) == stays


def test_erasures_are_written_anew_in_front_and_not_twice() -> None:
    assert list(surviving([ERASURE, Link(BOB, COOKIE, 5, "e")], [ERASURE])) == [Link(BOB, COOKIE, 5, "e")]
    assert list(surviving([Link(ANN, MAIL, 5, "e")], [])) == [Link(ANN, MAIL, 5, "e")]


def test_what_somebody_said_of_subjects_goes_with_them() -> None:
    def said(key: str, at: int) -> SubjectStated:
        return SubjectStated("anon:case:17", Statement(key, "desk", at, "e"))

    kept: list[LinkRecord] = [said("ann", 101), said("bob", 100)]

    assert list(surviving([said("ann", 100), *kept], [ERASURE])) == kept
