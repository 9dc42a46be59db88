"""Of a busy customer little is written at each event, and nothing that an entry names is ever deleted."""

from __future__ import annotations

from itertools import chain
from unittest.mock import patch

import msgspec
import pytest
from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import Erased, LogRecord, Tick, Touchpoint, Withdrawn
from schemas.kinds.page_view import PageView
from schemas.subjects import Statement, SubjectStated
from streams.journeys import customers
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.formats import StateFormatError
from streams.journeys.output import Entry
from streams.journeys.partition import BLOCK, CUSTOMER
from streams.journeys.pending_blocks import BLOCK_BYTES, ID_BYTES, StoredBlock
from streams.journeys.rules import Rules
from tests.simulation.journeys_log import Changelog, removal
from tests.simulation.state_writers import NO_BLOCKS, Truth, flush, restore, states
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, make, seen_page

RULES = Rules()
SMALL = 300
"""Bytes of a block: three of `small` are 309."""
SALT = b"salt" * 4
COOKIE = "anon:cookie:k"


def view(number: int) -> Touchpoint:
    """Return a page view as shops send them: 204 bytes in the log, and a name of 17."""
    page = f"/catalogue/teapots/{number:04}?".ljust(64, "q")
    more = {"page": page, "area": "site", "action": "view", "identifiers": {"cookie": "c" * 32}}
    return make(PageView, number * MINUTE, event_id=f"view-{number:012}", fingerprint=number, **more)


def small(number: int, key: str = "ann") -> Touchpoint:
    at = number * MINUTE
    return seen_page(at, event_id=f"e{number:02}", fingerprint=number, customer_key=key, watermark=T0 + at)


class Worker:
    """A partition that writes a flush for each call; blocks are small unless said otherwise."""

    def __init__(self, entries: list[Entry] | None = None, block_bytes: int = SMALL, rules: Rules = RULES) -> None:
        self._block_bytes = block_bytes
        self.partition = restore(entries or [], rules, block_bytes)

    def write(self, *records: LogRecord) -> list[Entry]:
        for record in records:
            self.partition.apply(self.partition.offset + 1, record, journey_log.encode(record))
        return flush(self.partition, self._block_bytes)


def tick(at: int) -> Tick:
    return Tick(T0 + at, T0 + at)


def of(kind: bytes, entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry[0][:1] == kind]


def blocks_left(entries: list[Entry]) -> list[list[str]]:
    """Return the event ids in each block that the changelog has."""
    left = [value for key, value in dict(entries).items() if key[:1] == BLOCK and value is not None]
    return [[one.event_id for one in msgspec.msgpack.decode(value, type=StoredBlock).pending] for value in left]


def test_at_each_of_600_page_views_little_is_written_and_each_of_them_once_in_a_block() -> None:
    """In one entry the last of them would write 600 times 204 bytes and a name: over 130 kB; half of it on average."""
    worker, sizes, sealed = Worker(block_bytes=BLOCK_BYTES), [], []
    for number in range(600):
        entries = [entry for entry in worker.write(view(number)) if entry[0][:1] in {BLOCK, CUSTOMER}]
        sizes.append(sum(len(key) + len(value or b"") for key, value in entries))
        sealed += of(BLOCK, entries)

    assert max(len(value or b"") for _, value in sealed) < 9_000
    assert max(sizes) < 12_000 + 9_000
    assert sum(sizes) < 600 * 65_000 / 10
    ids = [
        one.event_id for _, value in sealed for one in msgspec.msgpack.decode(value or b"", type=StoredBlock).pending
    ]
    assert ids == [f"view-{number:012}" for number in range(len(ids))]
    assert len(ids) > 540


def test_an_ordinary_customer_is_one_entry_with_all_that_is_kept() -> None:
    """Of 28 page views, 8 kB are not full."""
    worker = Worker(block_bytes=BLOCK_BYTES)
    for number in range(28):
        entries = worker.write(view(number))
        assert of(BLOCK, entries) == []
        [(_, value)] = of(CUSTOMER, entries)
        assert value == msgspec.msgpack.encode(worker.partition.customers.timeline("ann"))


def test_after_each_entry_a_restore_gives_what_the_log_says() -> None:
    """Also between a block and the entry that names it, while the first are folded, and behind the tombstones."""
    records: list[LogRecord] = [
        *map(small, range(40)),
        *(tick(gap + second) for gap in (4 * DAY, 40 * DAY) for second in range(3)),
    ]
    records[20:20] = [removal(1, "e03"), tick(HOUR), removal(2, "e15", "e16")]
    log = [journey_log.encode(record) for record in records]
    truth, worker, changelog = Truth(log, RULES), Worker(), list[Entry]()

    for entry in chain.from_iterable(worker.write(record) for record in records):
        changelog.append(entry)
        truth.check(states(restore(changelog, RULES, SMALL)))
    assert len(of(BLOCK, changelog)) > 20
    assert states(restore(changelog, RULES, SMALL)) == truth.last
    assert blocks_left(changelog) == []


def test_the_entries_may_come_in_any_order_of_their_keys() -> None:
    worker = Worker()
    changelog = Changelog(list(chain.from_iterable(worker.write(small(number)) for number in range(30))))
    entries = list(changelog.latest().items())

    assert states(restore(entries[::-1], RULES, SMALL)) == states(restore(entries, RULES, SMALL))
    assert len(states(restore(entries[::-1], RULES, SMALL))["ann"].pending) == 30


def test_a_block_is_deleted_in_the_flush_after_the_entry_that_needs_it_no_longer() -> None:
    """Until then that entry may not be there, or an earlier one may still be written behind it."""
    worker = Worker()
    written = [worker.write(small(number)) for number in range(10)]
    sealed = of(BLOCK, list(chain.from_iterable(written)))
    assert len(sealed) == 3

    folding = worker.write(tick(40 * DAY))
    [(_, value)] = of(CUSTOMER, folding)
    assert msgspec.msgpack.decode(value or b"", type=CustomerTimeline).folded_up_to == (T0 + 9 * MINUTE, 0, "e09")
    assert of(BLOCK, folding) == []

    assert of(BLOCK, worker.write()) == [(key, None) for key, _ in sealed]


def test_what_another_worker_may_name_is_not_deleted_when_it_is_written_anew() -> None:
    """One is paused. Another takes a late page view into a block's midst, and dies before it is withdrawn.

    The first has taken both at once: by its blocks nothing has changed, and its entry is the later one.
    """
    first = Worker()
    changelog = list(chain.from_iterable(first.write(small(number)) for number in range(8)))
    second = Worker(changelog)
    one = small(1)
    parted = [replace(one, event_id="late", fingerprint=99, occurred_at=one.occurred_at + SECOND), small(9, "bob")]
    paused = first.write(*parted, removal(1, "late"))

    changelog += second.write(parted[0])
    assert len(of(BLOCK, changelog)) > 4
    changelog += second.write(parted[1])
    changelog += second.write()
    changelog += paused

    found = states(restore(changelog, RULES, SMALL))["ann"]
    assert [one.event_id for one in found.pending] == [f"e{number:02}" for number in range(8)]


def test_workers_that_cut_differently_write_other_contents_under_other_keys() -> None:
    """At one offset, of one customer: one has sealed three of the four before, and both seal the fourth."""
    early, late, views = Worker(), Worker(), [small(number) for number in range(12)]
    changelog = list(chain.from_iterable(early.write(one) for one in views[:9]))
    changelog += early.write(*views[9:])
    changelog += late.write(*views)

    contents: dict[bytes, set[bytes]] = {}
    for key, value in of(BLOCK, changelog):
        contents.setdefault(key, set()).add(value or b"")
    at_11 = [key for key in contents if int.from_bytes(key[-ID_BYTES:][:8], "big") == 11]
    assert {len(values) for values in contents.values()} == {1}
    assert len(at_11) == 4
    assert len(states(restore(changelog, RULES, SMALL))["ann"].pending) == 12


def test_blocks_without_the_entry_that_was_to_name_them_stay_until_their_record_is_read_again() -> None:
    """The worker dies behind the blocks. By the next one's position it cannot tell whether they are needed."""
    worker = Worker()
    changelog = worker.write(small(0))
    changelog += of(BLOCK, worker.write(*map(small, range(1, 5))))

    again = Worker(changelog)
    assert of(BLOCK, again.write()) == []
    changelog += again.write(*map(small, range(1, 5)))

    assert len(states(restore(changelog, RULES, SMALL))["ann"].pending) == 5


def test_blocks_of_a_customer_of_whom_nothing_is_kept_are_deleted() -> None:
    """A late worker has written them, and died before the entry; the profile has left since."""
    worker = Worker(rules=Rules(profile_retention_ms=10 * DAY))
    written = [worker.write(small(number, COOKIE)) for number in range(5)]
    late = of(BLOCK, list(chain.from_iterable(written)))
    changelog = list(chain.from_iterable(written))
    for at in (40 * DAY, 41 * DAY, 80 * DAY, 81 * DAY, 82 * DAY):
        changelog += worker.write(tick(at))
    assert [entry for entry in dict(changelog).items() if entry[0][:1] in {CUSTOMER, BLOCK} and entry[1]] == []

    again = Worker([*changelog, *late])

    assert of(BLOCK, again.write()) == [(key, None) for key, _ in late]


@pytest.mark.parametrize("is_compacted", [False, True])
def test_a_late_entry_of_a_profile_that_has_left_brings_nothing_back(is_compacted: bool) -> None:
    """Its blocks are deleted. Two hours later the entry that was later, and all tombstones, are gone."""
    worker = Worker()
    changelog = list(chain.from_iterable(worker.write(small(number, COOKIE)) for number in range(6)))
    late = of(CUSTOMER, changelog)[-1]
    for at in (40 * DAY, 41 * DAY, 95 * DAY, 96 * DAY, 97 * DAY):
        changelog += worker.write(tick(at))
    assert dict(changelog)[late[0]] is None
    assert blocks_left(changelog) == []

    changelog.append(late)
    if is_compacted:
        changelog = [(key, value) for key, value in dict(changelog).items() if value is not None]
    again = Worker(changelog)

    assert again.partition.sizes["customers"] == 0
    assert of(CUSTOMER, again.write()) == [(late[0], None)]


def test_an_entry_that_names_a_block_which_is_not_there_stops_the_worker() -> None:
    worker = Worker()
    changelog = list(chain.from_iterable(worker.write(small(number)) for number in range(6)))
    lost = of(BLOCK, changelog)[1][0]

    with pytest.raises(StateFormatError, match=r"names a block .* not there .* docs/operating.md#rebuilding"):
        restore([entry for entry in changelog if entry[0] != lost], RULES)


@pytest.mark.parametrize(("name", "value"), [
    (b"ann" + bytes(16), b""),
    (b"ann" + bytes(16), b"\x92\x01\x90"),
    (b"ann" + bytes(16), b"\x92\x02\x91\x95\x01\x00\xa1e\x00\xc4\x01r"),
    (b"\xff" + bytes(16), b"\x92\x01\x91\x95\x01\x00\xa1e\x00\xc4\x01r"),
])  # fmt: skip
def test_a_block_that_cannot_be_read_stops_the_worker(name: bytes, value: bytes) -> None:
    """It is empty, has no touchpoint, is in another format, or of no customer."""
    with pytest.raises(StateFormatError):
        restore([(BLOCK + name, value)], RULES)


def test_who_was_erased_has_no_block_left_also_of_a_late_worker() -> None:
    """Of a block that holds what was earlier and what was later, the later begins the new profile."""
    worker = Worker()
    changelog = list(chain.from_iterable(worker.write(small(number)) for number in range(8)))
    late = of(BLOCK, changelog)
    record = Erased("ann", T0 + 4 * MINUTE, "erasure", SALT, 5)
    changelog += worker.write(record)

    assert sorted(chain.from_iterable(blocks_left(changelog))) == ["e05", "e06", "e07"]
    again = Worker([*changelog, *late])
    changelog += [*late, *again.write()]

    assert sorted(chain.from_iterable(blocks_left(changelog))) == ["e05", "e06", "e07"]
    assert [one.event_id for one in states(restore(changelog, RULES, SMALL))["ann"].pending] == ["e05", "e06", "e07"]


def test_a_robot_whose_touchpoints_come_out_of_order_keeps_few_blocks_that_are_out_of_force() -> None:
    """Each comes before all others. What is not folded cannot be deleted: beyond a bound no new block is made."""
    worker = Worker()
    with patch("streams.journeys.pending_blocks.RETIRED_MAX_BYTES", 2_000):
        changelog = list(chain.from_iterable(worker.write(replace(small(99 - n), watermark=0)) for n in range(99)))

    sizes = {key: len(value) for key, value in dict(changelog).items() if key[:1] == BLOCK and value is not None}
    assert 2_000 < sum(sizes.values()) < 4_000
    found = states(restore(changelog, RULES, SMALL))["ann"]
    assert len(found.pending) + len(found.moved) + len(found.displaced) == 99


def test_customers_that_are_kept_as_bytes_are_read_again_with_their_blocks() -> None:
    kept, again = Worker(), Worker()
    for number in range(30):
        one = small(number, ("ann", "bob")[number % 2])
        expected = kept.write(one)
        with patch.object(customers, "CACHED", 0):
            assert again.write(one) == expected
        assert again.partition.customers._cache == {}
        kept_decoded = again.partition.customers.blocks.stored.values()
        assert [block.items for one in kept_decoded for block in one.blocks if block.items is not None] == []


def test_a_subjects_statements_are_forgotten_and_its_blocks_stay() -> None:
    """The scan looks at its entry alone."""
    key, said = "anon:case:d", Statement("ann", "desk", T0, "e")
    worker = Worker()
    changelog = list(chain.from_iterable(worker.write(small(number, key)) for number in range(6)))
    changelog += worker.write(SubjectStated(key, said))
    again = Worker(changelog)

    changelog += again.write(Erased("ann", T0 + HOUR, "erasure", SALT, 5, is_elsewhere=True))

    found = states(restore(changelog, RULES, SMALL))[key]
    assert found.ownership is not None
    assert found.ownership.subject is not None
    assert found.ownership.subject.statements == []
    assert [one.event_id for one in found.pending] == [f"e{number:02}" for number in range(6)]


def test_the_blocks_of_what_is_withdrawn_are_deleted() -> None:
    worker = Worker()
    changelog = list(chain.from_iterable(worker.write(small(number)) for number in range(8)))

    changelog += worker.write(Withdrawn("ann", 1, 1, [f"e{number:02}" for number in range(8)]))
    changelog += worker.write(tick(HOUR))

    assert blocks_left(changelog) == []


def test_states_are_counted_with_their_blocks_which_may_have_to_be_written_anew() -> None:
    whole, parts = Worker(block_bytes=NO_BLOCKS), Worker()
    for number in range(20):
        whole.write(small(number))
        parts.write(small(number))

    for worker in (whole, parts):
        worker.partition.customers.touch("ann")
    in_one, in_parts = (worker.partition.customers.unwritten_bytes for worker in (whole, parts))
    assert in_one <= in_parts < in_one + 20 * 30
