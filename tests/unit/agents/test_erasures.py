"""Erasures where they are decided and where touchpoints come in: IDENTITY and INGEST."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from schemas import erasures, journey_log
from schemas.erasures import ERASED, Erasure, digest_of
from schemas.identity_links import CUSTOMER, Command, Erase, IdentitiesStated, Identity, Link, LinkRecord
from schemas.journey_log import Erased, Owners, Touchpoint
from schemas.rows import OutcomeRow, topic_of
from schemas.subjects import Statement, SubjectStated
from schemas.topics import DEAD_LETTERS, ERASURES, JOURNEYS_LOG, LINKS, MAX_MESSAGE_BYTES
from schemas.units import DAY_MS
from streams.agents.erasures import ErasureError, load_erasures, take
from streams.agents.services import Services
from streams.identity.erasures import NEVER, Erasures
from streams.kafka.offsets import Record
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.unit.agents.ingest_bench import NOW, FakeProducer, SourceRecord, bench, final_until, sent
from tests.unit.agents.test_identity import AT, Bench

SALT = b"s" * 16
ANN, BOB = (CUSTOMER, "ann"), (CUSTOMER, "bob")
COOKIE, MAIL, PHONE = ("cookie", "k"), ("email", "a@x"), ("phone", "+44")
ORDERED = AT + 100


def order(*identities: Identity, at: int = ORDERED) -> Erase:
    return Erase(list(identities or (ANN,)), at, "order", SALT)


SAID: tuple[Link | LinkRecord, ...] = (
    Link(MAIL, COOKIE, AT + 1, "browsed"),
    Link(ANN, MAIL, AT + 2, "logged in"),
    Link(BOB, COOKIE, AT + 3, "family"),
    Link(BOB, PHONE, AT + 4, "called"),
)


def digests(*keys: str) -> set[bytes]:
    return {digest_of(SALT, key) for key in keys}


def erased_of(it: Bench) -> dict[str, Erased]:
    records = [journey_log.decode(message.value or b"") for message in it.producer.to(JOURNEYS_LOG)]
    return {one.customer_key: one for one in records if isinstance(one, Erased)}


@pytest.mark.parametrize("named", [ANN, MAIL, COOKIE])
async def test_all_who_have_one_owner_are_erased_whichever_of_them_is_named(named: Identity) -> None:
    it = Bench(*SAID, order(named))

    await it.read(0, 5)

    theirs = {"ann", "anon:email:a@x", "anon:cookie:k"}
    assert erased_of(it).keys() == theirs
    assert {one.links_offset for one in erased_of(it).values()} == {4}
    [told] = it.producer.to(ERASURES)
    decided = erasures.decode(told.value or b"")
    assert (set(decided.digests), decided.at, told.key) == (digests(*theirs), ORDERED, b"order")
    for table in ("identities", "identity_conflicts"):
        rows = [one for one in it.producer.to(topic_of(table)) if one.key == ERASED]
        assert set(erasures.decode_rows(rows[0].value or b"").customer_keys) == theirs


@pytest.mark.parametrize("unsure", [False, True])
async def test_the_sink_hears_whether_letters_go_that_may_be_others(unsure: bool) -> None:
    it = Bench(replace(order(), unsure_letters=unsure))

    await it.read(0, 1)

    told = [one.value for one in it.producer.to(topic_of("identities")) if one.key == ERASED]
    assert [erasures.decode_rows(value or b"").unsure_letters for value in told] == [unsure]


def large_names() -> list[LinkRecord]:
    """Return touchpoints that state 600 identifiers of 5 KB with Ann."""
    names = [(f"{number:04d}" + "k" * 246, "\U0001f600" * 1_200) for number in range(600)]
    return [IdentitiesStated([ANN, *names[first : first + 7]], AT, f"e{first}") for first in range(0, 600, 7)]


def cases() -> list[LinkRecord]:
    return [
        SubjectStated(f"anon:case:2026-{number:07d}", Statement("ann", "s", AT, f"e{number}"))
        for number in range(6_000)
    ]


@pytest.mark.parametrize(("said", "names", "in_a_part"), [(large_names(), 600, 13), (cases(), 6_000, 2_521)])
async def test_however_many_names_somebody_has_the_sink_is_told_of_all_by_messages_that_kafka_takes(
    said: list[LinkRecord], names: int, in_a_part: int
) -> None:
    """A name has 5,056 bytes, and 4 for quotes and comma: 12 are in 64 KiB, and Ann. A case has 22 and 4: 2,520."""
    it = Bench(*said, order())

    await it.read(0, len(said) + 1)

    assert max(message.size for _, _, message in it.producer.acknowledged) <= MAX_MESSAGE_BYTES
    theirs = erased_of(it).keys()
    [told] = it.producer.to(ERASURES)
    assert set(erasures.decode(told.value or b"").digests) == digests(*theirs)
    assert len(theirs) == names + 1
    partitions = Settings().partitions
    for table, times in (("identities", 1), ("identity_conflicts", 1), ("touchpoints", partitions)):
        parts = [erasures.decode_rows(one.value or b"") for one in it.producer.to(topic_of(table)) if one.key == ERASED]
        keys = Counter(key for part in parts for key in part.customer_keys)
        assert keys == dict.fromkeys(theirs, times)
        assert max(len(part.customer_keys) for part in parts) <= in_a_part


async def test_an_order_of_many_names_is_written_in_parts_that_kafka_takes_and_compaction_keeps() -> None:
    """Of 20,001 names; 233,000 in one record were more than Kafka takes, and ended the worker again and again."""
    said: list[LinkRecord] = [
        SubjectStated(f"anon:case:{number}", Statement("ann", "s", AT, f"e{number}")) for number in range(20_000)
    ]
    it = Bench(*said, order())

    await it.read(0, len(said) + 1)

    told = it.producer.to(ERASURES)
    parts = [erasures.decode(one.value or b"") for one in told]
    assert [(one.part, one.parts, len(one.digests)) for one in parts] == [(0, 3, 10_000), (1, 3, 10_000), (2, 3, 1)]
    assert len({one.key for one in told}) == 3
    assert max(one.size for one in told) < 200_000
    names = ["ann", *(f"anon:case:{number}" for number in range(20_000))]
    assert {digest for one in parts for digest in one.digests} == digests(*names)
    known = Erasures()
    assert take([SourceRecord(one.value or b"", 0) for one in told], known)
    assert all(known.holds(name, ORDERED) for name in names)


async def test_whoever_takes_the_order_again_writes_the_same_parts_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one learns the links in another order."""
    monkeypatch.setattr(erasures, "DIGESTS_MAX", 100)
    said = large_names()
    found = []
    for records in (said, [*reversed(said)]):
        it = Bench(*records, order())
        await it.read(0, len(said) + 1)
        found.append([(one.key, one.value) for one in it.producer.to(ERASURES)])

    assert len(found[0]) == 7
    assert found[0] == found[1]


async def test_whoever_takes_the_order_again_tells_the_sink_by_the_same_messages() -> None:
    """The other one learns the links in another order."""
    said = large_names()
    one, other = Bench(*said, order()), Bench(*reversed(said), order())
    await one.read(0, len(said) + 1)
    await other.read(len(said), len(said) + 1)

    def parts(it: Bench) -> list[bytes | None]:
        return [message.value for message in it.producer.to(topic_of("identities")) if message.key == ERASED]

    assert parts(one) == parts(other)
    assert len(parts(one)) > 1


async def test_no_row_names_who_was_erased_behind_what_deletes_them() -> None:
    it = Bench(*SAID, order())
    await it.read(0, 4)
    it.producer.acknowledged.clear()

    await it.read(4, 5)

    for table in ("identities", "identity_conflicts"):
        messages = it.producer.to(topic_of(table))
        place = [one.key for one in messages].index(ERASED)
        for one in messages[place + 1 :]:
            assert not any(name in (one.value or b"") for name in (b"ann", b"a@x"))


async def test_what_is_stated_of_them_later_and_is_older_changes_nothing_and_what_is_later_counts() -> None:
    it = Bench(*SAID, order(), Link(ANN, PHONE, AT + 5, "late"), Link(ANN, ("device", "d"), ORDERED + 1, "new"))

    await it.read(0, 7)

    [last] = [one for one in it.told() if one.owners and one.links_offset > 4]
    assert (last.customer_key, last.owners) == ("anon:device:d", ["ann"])


async def test_nothing_that_happened_before_the_erasure_is_its_new_profiles() -> None:
    """A link counts for 30 days before it, and a decision for ever; neither reaches behind the erasure."""
    it = Bench(
        *SAID,
        order(),
        Link(ANN, ("device", "d"), ORDERED + DAY_MS, "new"),
        Command("link", ANN, ("crm", "7"), ORDERED + DAY_MS, "decided"),
        window_days=30,
    )

    await it.read(0, 7)

    begins = {one.customer_key: one.since for one in it.told() if one.links_offset > 4}
    assert begins["anon:crm:7"] == [ORDERED + 1]
    assert begins.keys() == {"anon:crm:7", "anon:device:d"}
    assert all(since[0] > ORDERED for since in begins.values())


async def test_who_stays_an_owner_by_what_was_stated_later_is_told_again_behind_the_erasure() -> None:
    """The partition of the stated key forgets whose it is, though nothing of that changes."""
    it = Bench(Link(ANN, COOKIE, ORDERED + DAY_MS, "new"), order())

    await it.read(0, 2)

    assert erased_of(it).keys() == {"ann", "anon:cookie:k"}
    [last] = [one for one in it.told() if one.links_offset == 1]
    assert (last.customer_key, last.owners, last.since) == ("anon:cookie:k", ["ann"], [ORDERED + 1])


async def test_whoever_takes_over_knows_the_same() -> None:
    """One reads all at once; the other finds the order among what is acknowledged."""
    later = (Link(BOB, COOKIE, ORDERED + 5, "again"), Link(ANN, PHONE, AT + 6, "late"))
    whole, other = Bench(*SAID, order(), *later), Bench(*SAID, order(), *later)
    await whole.read(0, 7)

    await other.read(5, 7)

    def after(it: Bench) -> list[Owners]:
        return [one for one in it.told() if one.links_offset > 4]

    assert after(other) == after(whole) != []


async def test_an_erasure_stands_for_the_order_where_the_links_were_shortened() -> None:
    stands = Erasure("order", ORDERED, SALT, sorted(digests("ann", "anon:email:a@x", "anon:cookie:k")), 4)
    it = Bench(stands, Link(ANN, MAIL, AT + 2, "late"), Link(ANN, MAIL, ORDERED + 1, "new"))

    await it.read(0, 3)

    [told] = it.told()
    assert (told.customer_key, told.links_offset) == ("anon:email:a@x", 2)


PURCHASES = "touchpoints.purchases.v1"


def bought(event: str, at: int, customer: str, **more: object) -> bytes:
    return sent("purchase", NOW + at, customer, event_id=event, **more)


async def test_ingest_lets_nothing_in_that_is_older_and_counts_it_by_its_place() -> None:
    async with bench() as it:
        await it.erased.put(Erasure("order", NOW - 10, SALT, [digest_of(SALT, "ann")], 4))
        await final_until()
        it.give(
            PURCHASES,
            bought("old", -20, "ann", identifiers={"email": "a@x.com"}),
            bought("other", -20, "bob"),
            bought("new", -5, "ann"),
            bought("broken", -20, "ann", amount_minor=-1),
            bought("broken, too", -20, "bob", amount_minor=-1),
            bought("new, and broken", -5, "ann", amount_minor=-1),
        )
        it.give(PURCHASES, b'{"customer_id": "ann"}', b'{"customer_id": "bob"}', b'{"customer_id', timestamp=NOW - 20)
        it.give(PURCHASES, b'{"customer_id": "ann"}', timestamp=NOW - 5)
        await final_until()

        assert [one.event_id for one in it.log() if isinstance(one, Touchpoint)] == ["other", "new"]
        assert it.producer.to(LINKS) == []
        assert len(it.producer.to(DEAD_LETTERS)) == 2 + 3
        assert it.value("touchline_touchpoints_erased_total", topic=PURCHASES) == 3
        found = [msgspec.msgpack.decode(one.value or b"")[1][0] for one in it.producer.to(topic_of("touchpoints"))]
        assert [OutcomeRow(*row).event for row in found] == ["0/0", "0/3", "0/6"]
        assert {OutcomeRow(*row).outcome for row in found} == {"erased"}
        assert it.consumer.trackers[PURCHASES, 0].to_commit() == 10


async def test_what_was_stated_before_an_erasure_is_stated_anew() -> None:
    async with bench() as it:
        it.give(PURCHASES, bought("one", -20, "bob", identifiers={"cookie": "k"}))
        await final_until()
        await it.erased.put(Erasure("order", NOW - 10, SALT, [digest_of(SALT, "anon:cookie:k")], 4))
        await final_until()
        it.give(PURCHASES, bought("two", -5, "bob", identifiers={"cookie": "k"}))
        await final_until()

        assert len(it.producer.to(LINKS)) == 2


async def test_a_worker_learns_all_erasures_at_its_start_and_stops_at_what_is_none() -> None:
    known = Erasures()
    assert (known.latest, known.salt, known.holds("ann", 0)) == (NEVER, None, False)
    erasure = Erasure("order", 10, SALT, [digest_of(SALT, "ann")], 4)
    record = SourceRecord(erasures.encode(erasure), 0)

    assert take([record], known)
    assert not take([record], known)
    assert (known.until("ann"), known.until("bob")) == (10, NEVER)
    with pytest.raises(ErasureError, match="offset 3, is no erasure"):
        take([SourceRecord(b"other", 3)], known)


async def test_a_worker_begins_with_all_that_is_known() -> None:
    services = Services(Settings(), FakeProducer(), Telemetry.on(CollectorRegistry()))

    async def history() -> AsyncIterator[Sequence[Record]]:
        yield [SourceRecord(erasures.encode(Erasure("order", 10, SALT, [digest_of(SALT, "ann")], 4)), 0)]

    await load_erasures(services, history())

    assert services.erasures.holds("ann", 10)
    assert not services.erasures.holds("ann", 11)
