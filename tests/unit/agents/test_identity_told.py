"""IDENTITY at a new journeys log: whoever owns what by acknowledged links is told to it, before time goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from schemas.identity_links import CUSTOMER, Command, Identity, Link, LinkRecord
from schemas.journey_log import Owners
from schemas.topics import JOURNEYS_LOG
from schemas.units import DAY_MS
from schemas.watermarks import LinksDecided, TaskWatermark
from streams.agents import identity_changes, identity_told
from streams.agents.identity import Linking
from streams.agents.services import Services
from streams.identity.groups import ALWAYS
from streams.kafka.producer import Batches, Ends
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.unit.agents.ingest_bench import FakeProducer, until
from tests.unit.agents.test_identity import AT, EPOCH, TOLD, Bench
from tests.unit.agents.turns import turns_of_others

ANN, BOB, EVE = (CUSTOMER, "ann"), (CUSTOMER, "bob"), (CUSTOMER, "eve")
COOKIE, PHONE, MAIL = ("cookie", "k"), ("phone", "+44"), ("email", "e@x")
SAID: tuple[Link | LinkRecord, ...] = (
    Link(MAIL, COOKIE, AT, "guest"),
    Link(ANN, MAIL, AT + 1, "login"),
    Link(BOB, PHONE, AT + 2, "call"),
    Command("unlink", PHONE, BOB, AT + 3, "parted"),
    Command("link", ANN, EVE, AT + 4, "joined"),
)
LATER_MS = (30 - 3) * DAY_MS
"""By how much later than what is its owner's begins what is moved: the window less the allowed lateness."""


async def told_at(
    position: int, *said: Link | LinkRecord, reports: Sequence[LinksDecided | TaskWatermark] = ()
) -> Bench:
    """Begin where the links before an offset are acknowledged, and report."""
    bench = Bench(*said, reports=reports)
    bench.position = position
    await begin_and_report(bench)
    return bench


async def begin_and_report(bench: Bench) -> None:
    await bench.linking.begin()
    await bench.linking.report()


def by_key(told: Sequence[Owners]) -> dict[str, Owners]:
    assert len({one.customer_key for one in told}) == len(told)
    return {one.customer_key: one for one in told}


async def test_a_log_of_a_new_epoch_is_told_all_owners_though_no_link_comes() -> None:
    bench = await told_at(5, *SAID)

    linked = AT - 30 * DAY_MS
    since = linked + LATER_MS
    # A person's decision holds always; PHONE is nobody else's any more.
    assert by_key(bench.told()) == {
        "anon:cookie:k": Owners(
            "anon:cookie:k", [since, since + 1], ["anon:email:e@x", "ann"], 4, adopted_since=[linked, linked + 1]
        ),
        "anon:email:e@x": Owners("anon:email:e@x", [since + 1], ["ann"], 4, adopted_since=[linked + 1]),
        "eve": Owners("eve", [ALWAYS], ["ann"], 4, adopted_since=[ALWAYS]),
    }
    assert bench.rows("identities") == bench.rows("identity_conflicts") == []
    assert bench.reported() == [LinksDecided(EPOCH, 5)]


async def test_it_is_told_what_the_first_log_knew_in_the_end() -> None:
    first = Bench(*SAID)
    await first.read(0, 5)
    known = {one.customer_key: (one.since, one.owners) for one in first.told()}

    second = await told_at(5, *SAID)

    again = {one.customer_key: (one.since, one.owners) for one in second.told()}
    assert again == {key: owned for key, owned in known.items() if owned[0]}


async def test_where_this_epoch_has_a_report_nothing_is_told_again() -> None:
    bench = await told_at(5, *SAID, reports=[LinksDecided(EPOCH, 1)])

    assert bench.told() == []
    # It may have been acknowledged, and not reported, before a crash: without it time would wait for the next link.
    assert bench.reported() == [LinksDecided(EPOCH, 5)]


async def test_reports_of_other_epochs_and_of_others_tell_nothing() -> None:
    bench = await told_at(5, *SAID, reports=[LinksDecided(EPOCH - 1, 5), TaskWatermark(EPOCH, 0, AT, 5)])

    assert len(bench.told()) == 3


async def test_the_first_report_of_an_epoch_waits_for_all_links_that_were_there() -> None:
    bench = await told_at(2, *SAID)
    assert [one.customer_key for one in bench.told()] == ["anon:email:e@x", "anon:cookie:k"]
    assert bench.reported() == []

    await bench.read(2, 4)
    await bench.linking.report()
    assert bench.reported() == []

    await bench.read(4, 5)
    await bench.linking.report()
    assert bench.reported() == [LinksDecided(EPOCH, 5)]
    assert bench.told()[-1] == Owners("eve", [ALWAYS], ["ann"], 4, adopted_since=[ALWAYS])


async def test_after_a_rebuild_which_forgets_what_was_read_no_report_comes_before_all_links_are_read_again() -> None:
    bench = await told_at(0, *SAID)

    await bench.read(0, 5)
    await bench.linking.report()

    assert bench.reported() == [LinksDecided(EPOCH, 5)]
    assert {one.customer_key for one in bench.told()} == {"anon:cookie:k", "anon:email:e@x", "anon:phone:+44", "eve"}


async def test_where_there_are_no_links_that_is_reported_and_time_goes_on() -> None:
    bench = await told_at(0)

    assert bench.reported() == [LinksDecided(EPOCH, 0)]


async def test_what_is_not_ours_is_neither_told_nor_reported() -> None:
    bench = Bench(*SAID, reports=())

    await bench.linking.begin()
    await bench.linking.report()

    assert bench.producer.batches == []


async def test_who_comes_by_a_link_is_told_before_it() -> None:
    bench = Bench(*SAID, reports=())

    await bench.read(2, 5)

    assert [one.links_offset for one in bench.told()] == [1, 1, 2, 3, 4]


async def test_it_begins_by_itself() -> None:
    bench = Bench(*SAID, reports=())
    bench.position = 5
    running = asyncio.create_task(bench.linking.run(bench.never()))

    await until(bench.reported)
    running.cancel()

    assert len(bench.told()) == 3


class DyingProducer(FakeProducer):
    """Fails at one of its writes."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self._dies_at = dies_at

    async def send(self, batches: Batches) -> Ends:
        if len(self.batches) == self._dies_at:
            raise InterruptedError
        return await super().send(batches)


@pytest.mark.parametrize("dies_at", range(4))
async def test_whoever_dies_before_the_report_leaves_all_to_be_told_again(
    dies_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_changes, "CHANGES_HELD", 1)
    bench = Bench(*SAID, reports=())
    bench.position = 5
    bench.start(DyingProducer(dies_at))

    with pytest.raises(InterruptedError):
        await begin_and_report(bench)

    assert bench.reported() == []
    bench.start()
    await begin_and_report(bench)
    assert by_key(bench.told()).keys() == {"anon:cookie:k", "anon:email:e@x", "eve"}
    assert bench.reported() == [LinksDecided(EPOCH, 5)]


async def test_whoever_loses_the_partition_while_telling_leaves_it_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_changes, "CHANGES_HELD", 1)
    bench = Bench(*SAID, reports=())
    bench.position = 5
    bench.producer.gate.clear()
    beginning = asyncio.create_task(bench.linking.begin())
    await until(lambda: bench.producer.batches)

    bench.linking.close()
    bench.position = None
    bench.producer.gate.set()
    await beginning
    await bench.linking.report()

    assert by_key(bench.told()).keys() == {"anon:email:e@x"}
    assert bench.reported() == []
    assert bench.telemetry.registry.get_sample_value("touchline_identities") == 0


async def test_a_chunk_that_is_revoked_while_it_is_written_reports_nothing() -> None:
    bench = Bench(*SAID)
    bench.producer.gate.clear()
    reading = asyncio.create_task(bench.read(0, 5))
    await until(lambda: bench.producer.batches)

    bench.tracker.close()
    bench.linking.close()
    bench.producer.gate.set()
    await reading
    await bench.linking.report()

    assert bench.reported() == []


async def test_a_thousand_owners_are_told_in_messages_of_bounded_size_and_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.runtime.turn.YIELD_AFTER_S", 0.0)
    monkeypatch.setattr(identity_changes, "HELD_BYTES", 10_000)
    said = [Link((CUSTOMER, f"c{n}"), ("cookie", f"{n}"), AT, f"e{n}") for n in range(1_000)]
    bench = Bench(*said, reports=())
    bench.position = 1_000

    async with turns_of_others() as turns:
        await bench.linking.begin()

    assert len(by_key(bench.told())) == 1_000
    sizes = [
        sum(message.size for messages in batch.values() for message in messages) for batch in bench.producer.batches
    ]
    assert max(sizes) < 11_000
    assert turns.count > 1_000


async def test_of_many_owners_of_one_identity_the_newest_are_told() -> None:
    """Each link renames all before it: with 60 the first has 60 owners."""
    names: list[Identity] = [(f"{250 - number:03}", "x") for number in range(61)]
    said = [Link(names[at + 1], names[at], AT + 1000 * at, "e") for at in range(60)]

    bench = await told_at(60, *said)

    first = by_key(bench.told())[f"anon:{names[0][0]}:x"]
    assert len(first.owners) == len(first.since) == identity_told.OWNERSHIPS_MAX == 12
    assert first.owners[-1] == "anon:190:x"


async def test_links_that_were_made_anew_are_read_from_their_beginning() -> None:
    """Kafka has them begin at 0 again, below the offset that the group has committed."""
    bench = await told_at(90, SAID[0], reports=TOLD)

    await bench.read(0, 1)

    assert [one[1] for one in bench.rows("identities")] == ["k"]


async def test_owners_go_to_the_partition_of_their_key() -> None:
    bench = Bench(*SAID, reports=())
    bench.position = 5
    services = Services(Settings(partitions=7, epoch=EPOCH), bench.producer, Telemetry.on(CollectorRegistry()))
    await Linking(services, lambda: 5, bench._history).begin()

    # By Kafka's own hash (murmur2), as `kafka-console-producer` deals keys.
    places = {(message.key or b"").decode(): place for (_, place, message) in bench.producer.acknowledged}
    assert {topic for topic, _, _ in bench.producer.acknowledged} == {JOURNEYS_LOG}
    assert places == {"anon:cookie:k": 5, "anon:email:e@x": 3, "eve": 1}
