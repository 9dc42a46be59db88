"""The tracker: what may be committed is never past what is not done."""

from __future__ import annotations

import random

import pytest

from streams.kafka.offsets import MAX_CHUNKS, Fetched, OffsetTracker
from tests.unit.streams.records import FakeRecord, records

BIG = 1 << 30


def tracker(
    position: int = 0,
    committed: int | None = None,
    max_records: int = BIG,
    max_bytes: int = BIG,
) -> OffsetTracker:
    return OffsetTracker("t", 0, position, committed, max_records, max_bytes)


def fetched(start: int, stop: int, end: int | None = None) -> Fetched:
    return Fetched(records(start, stop), stop, stop if end is None else end)


def test_nothing_is_committed_before_the_first_chunk_is_done() -> None:
    offsets = tracker()
    first, second = (*offsets.track(fetched(0, 5), BIG), *offsets.track(fetched(5, 9), BIG))
    second.ack()
    assert offsets.to_commit() is None
    first.ack()
    assert offsets.to_commit() == 9


def test_with_a_committed_offset_the_head_is_waited_for_too() -> None:
    offsets = tracker(position=4, committed=4)
    head, *rest = (chunk for at in (4, 5, 6, 7) for chunk in offsets.track(fetched(at, at + 1), BIG))
    for chunk in rest:
        chunk.ack()
    assert offsets.to_commit() is None
    head.ack()
    assert offsets.to_commit() == 8


def test_unacknowledged_is_the_first_chunk_that_is_not_done_or_what_comes_next() -> None:
    offsets = tracker(position=4)
    assert offsets.unacknowledged == 4
    first, second = (chunk for at in (4, 6) for chunk in offsets.track(fetched(at, at + 2), BIG))
    second.ack()
    assert offsets.unacknowledged == 4
    first.ack()
    assert offsets.unacknowledged == 8


def test_offsets_missing_between_chunks_hold_nothing_up() -> None:
    offsets = tracker()
    chunks = offsets.track(fetched(3, 5), BIG) + offsets.track(fetched(90, 92), BIG)
    for chunk in chunks:
        chunk.ack()
    assert offsets.to_commit() == 92


def test_what_is_committed_already_is_not_committed_again() -> None:
    offsets = tracker()
    offsets.track(fetched(0, 5), BIG)[0].ack()
    offsets.committed = 5
    assert offsets.to_commit() is None


@pytest.mark.parametrize("seed", range(20))
def test_in_whatever_order_chunks_end_only_a_done_prefix_is_committed(seed: int) -> None:
    chosen = random.Random(seed)
    offsets = tracker()
    chunks = [chunk for at in range(0, 100, 5) for chunk in offsets.track(fetched(at, at + 5), BIG)]
    done: set[int] = set()
    for chunk in chosen.sample(chunks, len(chunks)):
        chunk.ack()
        done.update(record.offset for record in chunk.records)
        committed = offsets.to_commit() or 0
        assert done >= set(range(committed))
        assert committed == 100 or committed not in done
    assert offsets.to_commit() == 100


def test_records_delivered_before_are_left_out() -> None:
    offsets = tracker()
    offsets.track(fetched(0, 5), BIG)
    assert offsets.track(fetched(2, 5, end=8), BIG) == []
    (rest,) = offsets.track(fetched(3, 8), BIG)
    assert (rest.first_offset, rest.last_offset) == (5, 7)


def test_a_log_made_anew_is_read_from_its_beginning() -> None:
    offsets = tracker(position=1000, committed=1000)
    (chunk,) = offsets.track(fetched(0, 10), BIG)
    chunk.ack()
    assert (chunk.first_offset, offsets.to_commit()) == (0, 10)


def test_a_chunk_is_cut_where_it_would_be_too_large() -> None:
    offsets = tracker()
    three = [FakeRecord(0, b"x" * 60), FakeRecord(1, b"x" * 60), FakeRecord(2, b"x" * 500)]
    chunks = offsets.track(Fetched(three, 3, 3), 150)
    assert [[record.offset for record in chunk.records] for chunk in chunks] == [[0, 1], [2]]
    assert [chunk.caught_up for chunk in chunks] == [False, True]
    assert [chunk.size for chunk in chunks] == [120, 500]


def test_headers_count_as_the_values_do() -> None:
    three = [FakeRecord(n, b"x" * 10, headers=[("h" * 10, b"y" * 80), ("none", None)]) for n in range(3)]
    chunks = tracker().track(Fetched(three, 3, 3), 500)
    # A header takes 64 bytes beside its own.
    assert [chunk.size for chunk in chunks] == [2 * (104 + 128), 104 + 128]


def test_room_is_counted_in_records_bytes_and_chunks() -> None:
    assert not _full(tracker(max_records=6), 1)
    assert _full(tracker(max_records=5), 1)
    assert _full(tracker(max_bytes=5), 1)
    assert not _full(tracker(), MAX_CHUNKS - 1)
    assert _full(tracker(), MAX_CHUNKS)


def _full(offsets: OffsetTracker, chunks: int) -> bool:
    for at in range(0, 5 * chunks, 5):
        offsets.track(fetched(at, at + 5), BIG)
    return not offsets.has_room()


def test_acknowledging_leaves_room() -> None:
    offsets = tracker(max_records=5)
    (chunk,) = offsets.track(fetched(0, 5), BIG)
    assert not offsets.has_room()
    chunk.ack()
    assert offsets.has_room()


def test_once_closed_acknowledging_changes_nothing() -> None:
    offsets = tracker()
    (chunk,) = offsets.track(fetched(0, 5), BIG)
    assert chunk.current
    offsets.close()
    chunk.ack()
    assert not chunk.current
    assert offsets.to_commit() is None


def test_the_end_is_reached_when_agents_have_all_of_it() -> None:
    offsets = tracker()
    assert not offsets.caught_up
    (chunk,) = offsets.track(fetched(0, 5), BIG)
    assert chunk.caught_up
    assert not offsets.caught_up
    chunk.begin()
    assert offsets.caught_up


def test_control_records_after_the_last_message_are_part_of_the_end() -> None:
    offsets = tracker()
    (chunk,) = offsets.track(Fetched(records(0, 5), position=6, end=6), BIG)
    assert chunk.caught_up


def test_an_empty_partition_is_at_its_end_once_it_was_looked_at() -> None:
    offsets = tracker()
    assert offsets.track(Fetched([], 0, 0), BIG) == []
    assert offsets.caught_up


def test_the_head_of_a_split_chunk_is_acknowledged_alone() -> None:
    offsets = tracker()
    [chunk] = offsets.track(fetched(10, 15), BIG)
    [behind] = offsets.track(fetched(15, 20), BIG)
    rest = chunk.split(2)
    assert rest is not None
    assert [(one.first_offset, one.last_offset, len(one.records)) for one in (chunk, rest)] == [
        (10, 11, 2),
        (12, 14, 3),
    ]
    assert (chunk.caught_up, rest.caught_up) == (False, True)
    behind.ack()
    chunk.ack()
    assert offsets.to_commit() == 12
    rest.ack()
    assert offsets.to_commit() == 20


def test_a_split_chunk_takes_as_much_room_as_before() -> None:
    offsets = tracker(max_records=5, max_bytes=BIG)
    [chunk] = offsets.track(fetched(0, 5), BIG)
    size = chunk.size
    rest = chunk.split(1)
    assert rest is not None
    assert chunk.size + rest.size == size
    assert not offsets.has_room()
    chunk.ack()
    assert offsets.has_room()


def test_a_chunk_that_is_kept_whole_has_no_rest() -> None:
    offsets = tracker()
    [chunk] = offsets.track(fetched(0, 5), BIG)
    assert chunk.split(5) is None
    chunk.ack()
    assert offsets.to_commit() == 5


def test_a_chunk_of_a_revoked_partition_may_be_split_and_stays_revoked() -> None:
    offsets = tracker()
    [chunk] = offsets.track(fetched(0, 5), BIG)
    offsets.close()
    rest = chunk.split(2)
    assert rest is not None
    assert not rest.current


def test_the_lag_counts_from_the_first_chunk_that_is_not_done() -> None:
    offsets = tracker(position=10)
    assert offsets.lag(30) == 20, "nothing was fetched yet"
    first, second = (*offsets.track(fetched(10, 15), BIG), *offsets.track(fetched(15, 18), BIG))
    second.ack()
    assert offsets.lag(30) == 20
    first.ack()
    assert offsets.lag(30) == 12
    assert offsets.lag(17) == 0, "the end was asked for before the fetch"


def test_control_records_at_the_end_are_no_lag() -> None:
    offsets = tracker()
    (chunk,) = offsets.track(Fetched(records(0, 5), position=6, end=6), BIG)
    assert offsets.lag(6) == 6
    chunk.ack()
    assert offsets.lag(6) == 0


def test_a_partition_whose_end_is_unknown_is_not_read_to_its_end() -> None:
    offsets = tracker()
    (chunk,) = offsets.track(Fetched([FakeRecord(0)], 1, 1), BIG)
    chunk.begin()
    assert offsets.caught_up

    # Kafka is away: what has been published meanwhile is not known.
    assert offsets.track(Fetched([], 1, None), BIG) == []

    assert not offsets.caught_up
