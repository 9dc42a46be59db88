"""Erasures in a log partition: nothing older stays or comes back, whenever a worker dies; what is later begins anew."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from schemas import journey_log
from schemas.erasures import digest_of
from schemas.journey_log import Erased, LogRecord, Moved, Owners, Tick, Touchpoint, Withdrawn
from streams.journeys.moves import Sender
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from tests.simulation.journeys_log import Changelog, Tables, end_of_time, process, process_with_crashes
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, cart, order, seen_page

SALT = b"salt" * 4
RULES = Rules()
AT = 10 * HOUR


def erased(at: int = AT, customer_key: str = "ann", links_offset: int = 5) -> Erased:
    return Erased(customer_key, T0 + at, "erasure", SALT, links_offset)


def story() -> list[Touchpoint]:
    """Return what Ann and Bob did in ten hours: carts that are abandoned and ordered, pages."""
    done: list[Touchpoint] = []
    for hour in range(10):
        for who in ("ann", "bob"):
            at = hour * HOUR
            done += [
                seen_page(at, customer_key=who),
                cart(at + MINUTE, "item_added", f"{who}-{hour}", 500, customer_key=who),
                *([order(at + 2 * MINUTE, cart_id=f"{who}-{hour}", customer_key=who)] if hour % 2 else []),
            ]
    return done


def logged(records: Sequence[LogRecord]) -> list[bytes]:
    return [journey_log.encode(record) for record in records]


def mentions(tables: Tables, name: str) -> list[str]:
    """Return the tables of which a row names somebody, also one that no view shows."""
    return [table for table, rows in tables.rows.items() if any(f"'{name}" in str(row) for row in rows.values())]


def watched(records: Sequence[LogRecord]) -> list[LogRecord]:
    """Return records of which each touchpoint brings the watermark of its own time."""
    return [replace(one, watermark=one.occurred_at) if isinstance(one, Touchpoint) else one for one in records]


@pytest.mark.parametrize("seed", range(40))
def test_who_was_erased_is_nowhere_and_does_not_come_back_whenever_the_worker_dies(seed: int) -> None:
    done, rng = story(), random.Random(seed)
    rng.shuffle(done)
    place = rng.randrange(len(done))
    again = rng.sample(done, 10)
    records = logged([*watched(done[:place]), erased(), *watched(done[place:]), *watched(again)])
    records.append(end_of_time(T0 + 90 * DAY))

    changelog = Changelog()
    tables = process_with_crashes(records, RULES, seed, 6, changelog)

    assert mentions(tables, "ann") == []
    state = dict(changelog.entries)
    assert [key for key, value in state.items() if b"ann" in key + (value or b"") and value is not None] == []
    assert digest_of(SALT, "ann") in {key[1:] for key in state}
    bobs = [one for one in [*done, *again] if one.customer_key == "bob"]
    plain = process([*logged(watched(bobs)), end_of_time(T0 + 90 * DAY)], RULES)
    for table in ("touchpoints", "journeys", "abandonments", "customers"):
        assert tables.seen()[table] == plain.seen()[table]


@pytest.mark.parametrize("seed", range(40))
def test_what_happens_later_begins_a_new_profile_whenever_it_came(seed: int) -> None:
    """Some of it came before the erasure did: its figures are those of somebody who was never there before."""
    rng = random.Random(seed)
    later = [
        seen_page(AT + MINUTE),
        cart(AT + 2 * MINUTE, "item_added", "new", 700),
        order(AT + 3 * MINUTE, 700, cart_id="new"),
        seen_page(AT + 4 * MINUTE),
    ]
    before = rng.randrange(len(later) + 1)
    old = [one for one in story() if one.customer_key == "ann"]
    read = [*watched(old), *watched(later[:before]), erased(), *watched(later[before:]), *watched(rng.sample(old, 5))]
    end = end_of_time(T0 + 90 * DAY)

    tables = process_with_crashes([*logged(read), end], RULES, seed, 6)

    plain = process([*logged(watched(later)), end], RULES)
    for table in ("touchpoints", "journeys", "abandonments", "customers"):
        assert tables.seen()[table] == plain.seen()[table], table


def test_metrics_stay_as_they_are_and_what_comes_again_counts_once() -> None:
    done = [one for one in story() if one.customer_key == "ann"]
    later = [order(AT + MINUTE, 700), seen_page(AT + 2 * MINUTE)]
    end = end_of_time(T0 + 90 * DAY)

    with_erasure = process([*logged(watched([*done, *later])), *logged([erased()]), end], RULES)
    plain = process([*logged(watched([*done, *later])), end], RULES)

    orders = [row for row in plain.seen()["metric_buckets"] if row["metric"] in {"orders", "revenue"}]
    assert orders
    found = with_erasure.seen()["metric_buckets"]
    assert [row for row in found if row["metric"] in {"orders", "revenue"}] == orders


def test_what_comes_older_is_counted_by_its_topic_and_named_by_its_place_alone() -> None:
    partition = Partition(0, 1, RULES)
    one = seen_page(HOUR)
    play(partition, [erased(), one])

    output = partition.flush()

    assert output.erased == {"test": 1}
    [noted] = output.facts["outcomes"]
    assert (noted.outcome, noted.subject) == ("erased", "test")  # type: ignore[attr-defined]  # a row of outcomes
    assert output.counts["touchpoints"] == 0


def test_the_timers_of_whoever_was_erased_fire_for_nobody() -> None:
    partition = Partition(0, 1, RULES)
    play(partition, watched([cart(0, "item_added", value=100)]))
    partition.flush()
    play(partition, [erased(), Tick(T0 + 5 * DAY, T0 + 5 * DAY)])

    output = partition.flush()

    assert not output.facts.get("abandonments")
    assert partition.sizes["customers"] == 0
    assert [value for key, value in output.customers if key == b"cann"] == [None]


def test_owners_that_earlier_links_have_decided_hold_no_longer() -> None:
    partition = Partition(0, 1, RULES)
    play(partition, [erased(links_offset=5), Owners("ann", [0], ["bob"], 4), seen_page(AT + HOUR)])
    assert partition.flush().forwarded == []

    play(partition, [Owners("ann", [0], ["bob"], 6)])
    assert [owner for owner, _ in partition.flush().forwarded] == ["bob"]


def test_an_erasure_that_a_late_worker_says_once_more_leaves_what_was_decided_since() -> None:
    partition = Partition(0, 1, RULES)
    play(partition, [seen_page(HOUR), erased(links_offset=5), Owners("ann", [0], ["bob"], 6)])
    assert partition.flush().forwarded == []

    play(partition, [erased(links_offset=5), seen_page(AT + HOUR)])

    output = partition.flush()
    assert [owner for owner, _ in output.forwarded] == ["bob"]
    assert output.erased_rows == []


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("salt", [SALT, b"else" * 4])
def test_of_two_erasures_the_later_time_and_the_later_links_hold_in_whichever_order_they_come(
    salt: bytes, again: bool
) -> None:
    """After a crash IDENTITY may say the first of them once more."""
    first, second = erased(AT, links_offset=5), replace(erased(AT - 2 * HOUR, links_offset=8), salt=salt)
    partition = Partition(0, 1, RULES)
    orders = [first, second, *([first] if again else [])]
    play(partition, [*orders, Owners("ann", [0], ["bob"], 7), seen_page(AT - HOUR), seen_page(AT + HOUR)])

    output = partition.flush()

    assert output.erased == {"test": 1}
    assert output.forwarded == []
    [row] = output.facts["touchpoints"]
    assert row.occurred_at == T0 + AT + HOUR  # type: ignore[attr-defined]  # a row of touchpoints


def test_what_is_moved_to_whoever_was_erased_or_withdrawn_from_them_changes_nothing() -> None:
    partition, sent = Partition(0, 1, RULES), Output()
    sender = Sender(1, 7, sent)
    sender.move(replace(seen_page(HOUR, customer_key="anon:cookie:k"), moves=1), "ann", 0)
    sender.withdraw("ann", ["e\0anon:cookie:k"])
    play(partition, [erased(), *(journey_log.decode(record) for _, record in sent.forwarded)])

    output = partition.flush()

    assert not any(output.facts[table] for table in ("touchpoints", "journeys", "customers"))
    assert [key for key, value in output.customers if value is not None and key.startswith(b"c")] == []


def test_what_was_forwarded_and_happened_later_comes_back_from_its_owner() -> None:
    partition = Partition(0, 1, RULES)
    known, later = seen_page(HOUR), seen_page(AT + MINUTE)
    play(partition, [Owners("ann", [0], ["bob"], 3), known, later])
    partition.flush()

    play(partition, [erased()])
    output = partition.flush()

    [(owner, record)] = output.forwarded
    withdrawn = journey_log.decode(record)
    assert owner == "bob"
    assert isinstance(withdrawn, Withdrawn)
    assert withdrawn.timeline_ids == [f"{later.event_id}\0ann"]
    assert [(row.event_id, row.customer_id) for row in output.facts["touchpoints"]] == [  # type: ignore[attr-defined]  # rows of touchpoints
        (later.event_id, "ann")
    ]


def test_an_entry_that_a_paused_worker_writes_late_is_deleted_again() -> None:
    changelog = Changelog()
    partition = Partition(0, 1, RULES)
    play(partition, watched([seen_page(0)]))
    old = partition.flush()
    changelog.entries += old.state
    play(partition, [erased()])
    changelog.entries += partition.flush().state
    changelog.entries += old.customers

    restored = changelog.restore(0, 1, RULES)

    assert restored.sizes["customers"] == 0
    assert (b"cann", None) in restored.flush().customers


def play(partition: Partition, records: Sequence[LogRecord]) -> None:
    for record in records:
        partition.apply(partition.offset + 1, record, journey_log.encode(record))


def test_a_moved_record_is_read_by_its_own_time() -> None:
    """A touchpoint that happened later is the new profile's, though its key was linked before."""
    partition, sent = Partition(0, 1, RULES), Output()
    Sender(1, 7, sent).move(replace(seen_page(AT + HOUR, customer_key="anon:cookie:k"), moves=1), "ann", 0)
    moved = journey_log.decode(sent.forwarded[0][1])
    assert isinstance(moved, Moved)

    play(partition, [erased(), moved])

    assert [row.customer_id for row in partition.flush().facts["touchpoints"]] == ["ann"]  # type: ignore[attr-defined]  # rows of touchpoints


def test_what_was_applied_before_an_erasure_is_passed_over_when_it_is_read_again_after_a_crash() -> None:
    """The worker dies behind the customers, before it has written its position."""
    sent = Output()
    Sender(1, 7, sent).move(replace(seen_page(AT + HOUR, customer_key="anon:cookie:k"), moves=1), "ann", 0)
    records = [journey_log.decode(sent.forwarded[0][1]), erased()]
    whole, changelog = Partition(0, 1, RULES), Changelog()
    play(whole, records)
    changelog.entries += whole.flush().state[:-1]

    again = changelog.restore(0, 1, RULES)
    play(again, records)

    output = again.flush()
    assert not any(output.facts[table] for table in ("touchpoints", "journeys", "customers"))
    assert again.sizes["customers"] == 0
