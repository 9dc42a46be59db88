"""IDENTITY: what the links say, in rows; the same after a crash, whoever takes over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from schemas import journey_log, watermarks
from schemas.identity_links import CUSTOMER, Command, Identity, Link, LinkRecord, encode
from schemas.journey_log import Owners
from schemas.limits import MAPS
from schemas.topics import JOURNEYS_LOG, LINKS, MAX_MESSAGE_BYTES, WATERMARKS
from schemas.units import DAY_MS
from schemas.versions import row_version
from schemas.watermarks import LinksDecided, Report
from streams.agents import identity_changes, identity_told
from streams.agents.identity import LinkError, Linking
from streams.agents.services import Services
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker, Record
from streams.kafka.producer import Batches, Ends
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.unit.agents.ingest_bench import FakeProducer, SourceRecord
from tests.unit.agents.turns import turns_of_others
from tests.unit.identity.said import record_of

ANN, BOB = (CUSTOMER, "ann"), (CUSTOMER, "bob")
COOKIE, PHONE, EMAIL = ("cookie", "k"), ("phone", "+44"), ("email", "ann@example.com")
AT = 1_700_000_000_000
EPOCH = 3


TOLD = (LinksDecided(EPOCH, 0),)


class Bench:
    """The agent beside what its partition holds, and what was reported before."""

    def __init__(self, *records: Link | LinkRecord, window_days: int = 30, reports: Sequence[Report] = TOLD) -> None:
        self.log = [
            SourceRecord(encode(record_of(record)), offset=offset, timestamp=AT + offset)
            for offset, record in enumerate(records)
        ]
        self.window_days = window_days
        self.reports = list(reports)
        self.position: int | None = None
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.start()

    def start(self, producer: FakeProducer | None = None) -> None:
        self.producer = producer or FakeProducer()
        settings = Settings(epoch=EPOCH, identity_window_days=self.window_days)
        self.telemetry = Telemetry.on(CollectorRegistry())
        self.linking = Linking(Services(settings, self.producer, self.telemetry), lambda: self.position, self._history)

    async def read(self, first: int, last: int) -> None:
        """Give the records from one offset to before another, in a chunk."""
        await self.linking.receive(self.chunk(self.log[first:last]))

    def chunk(self, records: Sequence[Record]) -> Chunk:
        self.tracker = OffsetTracker(LINKS, 0, records[0].offset, None, max_records=10**6, max_bytes=10**9)
        [self.last] = self.tracker.track(Fetched(records, len(records), records[-1].offset + 1), 10**9)
        return self.last

    async def _history(self, topic: str) -> AsyncIterator[Sequence[Record]]:
        reports = [SourceRecord(watermarks.encode(report), offset) for offset, report in enumerate(self.reports)]
        await self.may_read.wait()
        yield self.log if topic == LINKS else reports

    async def never(self) -> AsyncIterator[Chunk]:
        """Give no chunk."""
        await asyncio.Event().wait()
        yield self.last

    def reported(self) -> list[Report]:
        return [watermarks.decode(message.value or b"") for message in self.producer.to(WATERMARKS)]

    def told(self) -> list[Owners]:
        """Return what the journeys log was told of who owns what."""
        found = [journey_log.decode(message.value or b"") for message in self.producer.to(JOURNEYS_LOG)]
        return [record for record in found if isinstance(record, Owners)]

    def rows(self, table: str) -> list[list[object]]:
        """Return what was written to a table's facts topic."""
        messages = self.producer.to(f"facts.{table}.v1")
        return [row for message in messages for row in msgspec.msgpack.decode(message.value or b"")[1]]


async def test_a_login_tells_whose_the_visitor_was_and_from_when_on() -> None:
    bench = Bench(Link(ANN, COOKIE, AT, "login"))

    await bench.read(0, 1)

    version = row_version(EPOCH, 0)
    assert bench.rows("identities") == [["cookie", "k", [AT - 30 * DAY_MS], ["ann"], ["login"], AT, version]]
    assert bench.rows("identity_conflicts") == []
    assert bench.last.acked


async def test_the_window_is_a_setting() -> None:
    bench = Bench(Link(ANN, COOKIE, AT, "login"), window_days=0)

    await bench.read(0, 1)

    assert bench.rows("identities")[0][2] == [AT]


async def test_two_customers_of_one_telephone_are_a_conflict_until_a_person_decides() -> None:
    bench = Bench(
        Link(ANN, PHONE, AT, "first"),
        Link(BOB, PHONE, AT + 1, "second"),
        Command("unlink", PHONE, ANN, AT + 2, "decision"),
    )

    await bench.read(0, 3)

    conflict = ["customer", "bob", "phone", "+44", "two_customers", ["bob", "ann"], "second", AT + 1]
    assert bench.rows("identity_conflicts") == [
        [*conflict, False, row_version(EPOCH, 1)],
        [*conflict, True, row_version(EPOCH, 2)],
    ]
    assert [row[3] for row in bench.rows("identities")] == [["ann"], ["bob"]]


async def test_a_profile_without_a_customer_is_called_as_journeys_call_it() -> None:
    bench = Bench(Link(PHONE, COOKIE, AT, "order"))

    await bench.read(0, 1)

    assert [row[:4] for row in bench.rows("identities")] == [["cookie", "k", [AT - 30 * DAY_MS], ["anon:phone:+44"]]]


@pytest.mark.parametrize("are_taken", [False, True])
async def test_links_of_a_topic_that_was_made_anew_are_all_that_there_are(*, are_taken: bool) -> None:
    bench = Bench(Link(ANN, COOKIE, AT, "a"), Link(ANN, PHONE, AT, "b"))
    bench.position = 2
    await bench.linking.begin()
    if are_taken:
        await bench.read(1, 2)

    bench.log = Bench(Link(BOB, COOKIE, AT + 1, "c")).log
    await bench.read(0, 1)

    assert bench.rows("identities")[-1][1:4] == ["k", [AT + 1 - 30 * DAY_MS], ["bob"]]


async def test_the_next_owner_writes_what_the_first_would_have_written() -> None:
    records = (Link(ANN, COOKIE, AT, "a"), Link(ANN, PHONE, AT + 1, "b"), Link(BOB, PHONE, AT + 2, "c"))
    whole = Bench(*records)
    await whole.read(0, 3)

    for cut in (1, 2):
        bench = Bench(*records)
        await bench.read(0, cut)
        before = [bench.rows(table) for table in ("identities", "identity_conflicts")]
        bench.start()
        await bench.read(cut, 3)
        after = [bench.rows(table) for table in ("identities", "identity_conflicts")]

        assert [one + other for one, other in zip(before, after, strict=True)] == [
            whole.rows("identities"),
            whole.rows("identity_conflicts"),
        ]


async def test_whoever_waits_while_the_partition_goes_and_comes_back_does_not_go_on_from_where_it_was() -> None:
    bench = Bench(Link(ANN, COOKIE, AT, "a"), Link(COOKIE, PHONE, AT, "b"), Link(PHONE, EMAIL, AT, "c"))
    bench.position, bench.may_read = 1, asyncio.Event()
    linking, chunk = bench.linking, bench.chunk(bench.log[1:2])
    beginning = asyncio.create_task(linking.begin())
    receiving = asyncio.create_task(linking.receive(chunk))
    await asyncio.sleep(0)
    bench.tracker.close()
    linking.close()
    bench.position = 2  # another worker has taken the second link meanwhile, and died before it reported that
    bench.may_read.set()
    await asyncio.gather(beginning, receiving)

    await linking.begin()
    await linking.report()
    assert bench.reported() == [LinksDecided(EPOCH, 2)]
    await bench.read(2, 3)
    assert [row[3] for row in bench.rows("identities")] == [["ann"]]


async def test_what_is_read_again_is_written_again_by_the_next_owner() -> None:
    bench = Bench(Link(ANN, COOKIE, AT, "a"))
    await bench.read(0, 1)
    rows = bench.rows("identities")

    bench.linking.close()
    await bench.read(0, 1)
    assert bench.rows("identities") == rows + rows


async def test_a_record_of_something_else_stops_it_and_says_where() -> None:
    bench = Bench()

    with pytest.raises(LinkError, match=r"identity\.links\.v1, offset 7, is no link"):
        await bench.linking.receive(bench.chunk([SourceRecord(b"?", offset=7, timestamp=AT)]))


async def test_links_and_identities_are_counted() -> None:
    bench = Bench(Link(ANN, COOKIE, AT, "a"), Link(ANN, PHONE, AT, "a"))

    await bench.read(0, 2)

    registry = bench.telemetry.registry
    assert registry.get_sample_value("touchline_identity_links_total") == 2
    assert registry.get_sample_value("touchline_identities") == 3


async def test_a_worker_that_decides_no_longer_counts_no_identities() -> None:
    bench = Bench(Link(ANN, COOKIE, AT, "a"))
    await bench.read(0, 1)

    bench.linking.close()

    assert bench.telemetry.registry.get_sample_value("touchline_identities") == 0


def stronger_and_stronger(count: int, event_id: str = "e") -> list[Link]:
    """Return links each of which renames all identities before it, as its own kind's name comes first."""
    names = [(f"{count - number:03}", "x") for number in range(count + 1)]
    return [Link(names[at + 1], names[at], AT + 1000 * at, event_id) for at in range(count)]


async def test_links_that_rename_many_identities_many_times_write_no_message_that_kafka_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a bound the last link alone would make 40 rows of 40 ownerships of 8,000 bytes at most: 6.5 MB."""
    monkeypatch.setattr(identity_told, "OWNERSHIPS_MAX", 20)
    monkeypatch.setattr(identity_told, "OWNERSHIPS_MAX_BYTES", 1 << 20)
    monkeypatch.setattr(identity_changes, "CHANGES_HELD", 100)
    bench = Bench(*stronger_and_stronger(40, "e" * 8_000))

    await bench.read(0, 40)

    sizes = [message.size for message in bench.producer.to("facts.identities.v1")]
    assert max(sizes) < 1 << 20
    last = [row for row in bench.rows("identities") if row[-1] == row_version(EPOCH, 39)]
    owners = [row[3] for row in last if isinstance(row[3], list)]
    assert (len(owners), max(map(len, owners)), {names[-1] for names in owners}) == (40, 20, {"anon:000:x"})
    assert len(bench.rows("identities")) == 40 * 41 // 2
    assert bench.last.acked


WIDE = "\N{GRINNING FACE}"


def wide(kind: str) -> Identity:
    """Return an identity whose name is as long as there may be, in bytes too: 5 KiB."""
    return kind.ljust(MAPS["identifiers"].name, WIDE), WIDE * MAPS["identifiers"].value


async def test_the_longest_row_of_an_identity_and_what_journeys_are_told_of_it_fit_a_message_many_times() -> None:
    names = [wide(f"{9 - number}") for number in range(9)]
    bench = Bench(*(Link(names[at + 1], names[at], AT + at, WIDE * 128) for at in range(8)))

    await bench.read(0, 8)

    owned = [row for row in bench.rows("identities") if row[0] == names[0][0]][-1][3]
    # In 2 KiB one has room, with its event id: the last, whose it is now.
    assert owned == [f"anon:{kind}:{value}" for kind, value in names[-1:]]
    assert [one.owners for one in bench.told() if one.customer_key.startswith("anon:9")][-1] == owned
    sizes = [message.size for _, _, message in bench.producer.acknowledged]
    assert max(sizes) < MAX_MESSAGE_BYTES // 4


async def test_of_people_as_many_owners_as_there_may_be_are_told_whatever_the_alphabet() -> None:
    names = [(f"{250 - number}", "эмма.иванова@пример.рф" * 2) for number in range(34)]
    bench = Bench(*(Link(names[at + 1], names[at], AT + at, "0" * 36) for at in range(33)))

    await bench.read(0, 33)

    assert len(bench.told()[0].owners) == 1
    assert max(len(one.owners) for one in bench.told()) == identity_told.OWNERSHIPS_MAX == 12


@pytest.mark.parametrize("position", [None, 40])
async def test_one_links_changes_are_written_in_parts_of_bounded_size(
    position: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of 40 renames 40 identities, which is 1 MB of rows and of owners in all."""
    monkeypatch.setattr(identity_changes, "HELD_BYTES", 100_000)
    names = [wide(f"{40 - number:03}") for number in range(41)]
    links = [Link(names[at + 1], names[at], AT + at, "e") for at in range(40)]
    bench = Bench(*links, reports=TOLD if position is None else ())
    bench.position = position
    if position is None:
        await bench.read(0, 39)
        bench.producer.batches.clear()
        await bench.read(39, 40)
    else:
        await bench.linking.begin()

    sizes = [sum(one.size for part in batch.values() for one in part) for batch in bench.producer.batches]
    assert sum(sizes) > (900_000 if position is None else 600_000)
    # The one that passes the bound is the last of a part: 2 names of 5 KB, its own, and four bytes for a character.
    assert max(sizes) < 130_000


class DyingProducer(FakeProducer):
    """Fails at one of its writes, when half of each partition's messages are there."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self.left = dies_at

    async def send(self, batches: Batches) -> Ends:
        self.left -= 1
        if self.left == -1:
            await super().send({place: messages[: len(messages) // 2] for place, messages in batches.items()})
            raise InterruptedError
        return await super().send(batches)


async def test_whoever_dies_amid_what_a_link_changes_leaves_it_to_be_written_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(identity_changes, "CHANGES_HELD", 3)
    whole = Bench(*stronger_and_stronger(6))
    await whole.read(0, 6)
    expected = {str(row[:2] + row[-1:]): row for row in whole.rows("identities")}
    for dies_at in range(12):
        bench = Bench(*stronger_and_stronger(6))
        bench.start(DyingProducer(dies_at))
        with pytest.raises(InterruptedError):
            await bench.read(0, 6)
        assert not bench.last.acked
        before, told = bench.rows("identities"), bench.told()
        bench.start()
        await bench.read(0, 6)

        # ReplacingMergeTree keeps one row of a key, and a journeys log passes over what it was told already.
        assert {str(row[:2] + row[-1:]): row for row in before + bench.rows("identities")} == expected
        assert [one for one in told if one not in whole.told()] == []
        assert bench.told() == whole.told()


async def test_others_have_their_turn_while_links_are_taken_and_a_revoked_partition_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.runtime.turn.YIELD_AFTER_S", 0.0)
    bench = Bench(*stronger_and_stronger(10))
    taking = asyncio.create_task(bench.read(0, 10))
    await asyncio.sleep(0)  # it takes links until its turn is over
    assert not taking.done()
    bench.tracker.close()
    await taking

    assert bench.rows("identities") == []
    assert not bench.last.acked


async def test_others_have_their_turn_amid_a_touchpoint_by_which_an_identity_passes_its_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """60 browsers hang on an address; with the fourth customer it is nobody's, and each is looked at by itself."""
    monkeypatch.setattr("streams.runtime.turn.YIELD_AFTER_S", 0.0)
    mail = ("email", "shop@x")
    said = [Link(mail, ("cookie", f"{n}"), AT + n, "e") for n in range(60)]
    said += [Link((CUSTOMER, f"{n}"), mail, AT + n, "e") for n in range(4)]
    bench = Bench(*said)
    await bench.read(0, 63)

    async with turns_of_others() as turns:
        await bench.read(63, 64)

    assert turns.count > 200  # of which 60 are for the rows that it writes
