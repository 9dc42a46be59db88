"""What is left of the links when somebody was erased."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from schemas import erasures, identity_links
from schemas.erasures import Erasure, digest_of, in_parts
from schemas.identity_links import CUSTOMER, Command, Erase, IdentitiesStated, LinkRecord
from schemas.subjects import Statement, SubjectStated
from schemas.topics import ERASURES, LINKS
from streams.settings import Settings
from tests.unit.agents.ingest_bench import FakeProducer
from tests.unit.streams.records import FakeRecord
from touchline.erase import links
from touchline.erase.links import surviving

SALT = b"s" * 16
ANN, BOB, MAIL, COOKIE = (CUSTOMER, "ann"), (CUSTOMER, "bob"), ("email", "a@x"), ("cookie", "k")
ERASURE = Erasure("order", 100, SALT, [digest_of(SALT, key) for key in ("ann", "anon:email:a@x")], 4)


class Producer(FakeProducer):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Run(NamedTuple):
    """Records of a topic, up to its end."""

    records: list[FakeRecord]
    position: int


def left_of(records: Sequence[LinkRecord]) -> list[LinkRecord]:
    """Return the records that are written anew."""
    return [one for one in surviving(records, [ERASURE]) if one is not None]


def test_what_names_somebody_who_was_erased_and_is_older_goes_with_the_order() -> None:
    gone: list[LinkRecord] = [
        IdentitiesStated([ANN, MAIL], 100, "e1"),
        IdentitiesStated([MAIL, COOKIE], 50, "e2"),
        IdentitiesStated([BOB, MAIL], 50, "e3"),
        Command("link", BOB, ANN, 100, "c1"),
        Erase([ANN], 100, "order", SALT),
    ]
    stays: list[LinkRecord] = [
        IdentitiesStated([ANN, MAIL], 101, "e4"),
        IdentitiesStated([BOB, COOKIE], 50, "e5"),
        Command("unlink", ANN, COOKIE, 101, "c2"),
        Erase([BOB], 100, "not carried out yet", SALT),
    ]

    assert left_of([*gone, *stays]) == stays


def test_of_a_touchpoint_that_names_others_too_their_links_stay() -> None:
    """Ann's address is gone; the cookie and the device that one guest stated with it were stated together."""
    device = ("device", "d")
    said: list[LinkRecord] = [
        IdentitiesStated([MAIL, device, COOKIE], 100, "guest"),
        IdentitiesStated([BOB, MAIL, COOKIE], 100, "bob's"),
        IdentitiesStated([ANN, device, COOKIE], 100, "hers: it never linked the device with the cookie"),
        IdentitiesStated([MAIL, COOKIE], 100, "of two nothing is left"),
    ]

    assert left_of(said) == [
        IdentitiesStated([device, COOKIE], 100, "guest"),
        IdentitiesStated([BOB, COOKIE], 100, "bob's"),
    ]


def test_erasures_are_written_anew_in_front_and_not_twice() -> None:
    bobs, anns = IdentitiesStated([BOB, COOKIE], 5, "e"), IdentitiesStated([ANN, MAIL], 5, "e")

    assert left_of([ERASURE, bobs]) == [bobs]
    assert list(surviving([anns], [])) == [anns]


def test_what_somebody_said_of_subjects_goes_with_them() -> None:
    def said(key: str, at: int) -> SubjectStated:
        return SubjectStated("anon:case:17", Statement(key, "desk", at, "e"))

    kept: list[LinkRecord] = [said("ann", 101), said("bob", 100)]

    assert left_of([said("ann", 100), *kept]) == kept


async def test_an_order_of_which_parts_are_yet_to_be_written_stays_and_one_in_parts_is_written_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(erasures, "DIGESTS_MAX", 1)
    half = replace(ERASURE, erasure_id="half", digests=[digest_of(SALT, "bob")], part=1, parts=2)
    whole = list(in_parts(ERASURE))
    topics: dict[str, list[bytes]] = {
        ERASURES: [erasures.encode(one) for one in (whole[1], half, whole[0])],
        LINKS: [
            identity_links.encode(one)
            for one in (
                IdentitiesStated([ANN, MAIL], 100, "gone"),
                Erase([BOB], 100, "half", SALT),
                IdentitiesStated([BOB, COOKIE], 50, "stays"),
            )
        ],
    }
    producer = Producer()

    async def read(_settings: Settings, topic: str, _partitions: Sequence[int]) -> AsyncIterator[Run]:
        yield Run([FakeRecord(offset, value) for offset, value in enumerate(topics[topic])], len(topics[topic]))

    async def nothing(*_: object) -> int:
        return 3

    monkeypatch.setattr(links, "read_to_end", read)
    monkeypatch.setattr(links, "end_of", nothing)
    monkeypatch.setattr(links, "delete_before", nothing)
    monkeypatch.setattr(links, "BatchProducer", lambda _: producer)

    assert await links.forget_links(Settings(), 1) == 1

    written = [identity_links.decode(one.value or b"") for one in producer.to(LINKS)]
    assert written == [*whole, Erase([BOB], 100, "half", SALT), IdentitiesStated([BOB, COOKIE], 50, "stays")]
    assert (whole[0].digests, whole[1].digests) == ([ERASURE.digests[0]], [ERASURE.digests[1]])
