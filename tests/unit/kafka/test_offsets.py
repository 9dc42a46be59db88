"""The tracker: what may be committed is never past what is not done."""

from __future__ import annotations

import random

import pytest

from streams.kafka.offsets import MOST_CHUNKS, Fetched, OffsetTracker
from tests.unit.streams.records import FakeRecord, records

BIG = 1 << 30


def tracker(
    position: int = 0,
    committed: int | None = None,
    most_records: int = BIG,
    most_bytes: int = BIG,
) -> OffsetTracker:
    return OffsetTracker("t", 0, position, committed, most_records, most_bytes)


def fetched(start: int, stop: int, end: int | None = None) -> Fetched:
    return Fetched(records(start, stop), stop, stop if end is None else end)


def test_nothing_is_committed_before_the_first_chunk_is_done() -> None:
    book = tracker()
    first, second = (*book.hand_out(fetched(0, 5), BIG), *book.hand_out(fetched(5, 9), BIG))
    second.ack()
    assert book.to_commit() is None
    first.ack()
    assert book.to_commit() == 9


def test_with_a_committed_offset_the_head_is_waited_for_too() -> None:
    book = tracker(position=4, committed=4)
    head, *rest = (chunk for at in (4, 5, 6, 7) for chunk in book.hand_out(fetched(at, at + 1), BIG))
    for chunk in rest:
        chunk.ack()
    assert book.to_commit() is None
    head.ack()
    assert book.to_commit() == 8


def test_offsets_missing_between_chunks_hold_nothing_up() -> None:
    book = tracker()
    chunks = book.hand_out(fetched(3, 5), BIG) + book.hand_out(fetched(90, 92), BIG)
    for chunk in chunks:
        chunk.ack()
    assert book.to_commit() == 92


def test_what_is_committed_already_is_not_committed_again() -> None:
    book = tracker()
    book.hand_out(fetched(0, 5), BIG)[0].ack()
    book.committed = 5
    assert book.to_commit() is None


@pytest.mark.parametrize("seed", range(20))
def test_in_whatever_order_chunks_end_only_a_done_prefix_is_committed(seed: int) -> None:
    chosen = random.Random(seed)
    book = tracker()
    chunks = [chunk for at in range(0, 100, 5) for chunk in book.hand_out(fetched(at, at + 5), BIG)]
    done: set[int] = set()
    for chunk in chosen.sample(chunks, len(chunks)):
        chunk.ack()
        done.update(record.offset for record in chunk.records)
        committed = book.to_commit() or 0
        assert done >= set(range(committed))
        assert committed == 100 or committed not in done
    assert book.to_commit() == 100


def test_records_handed_out_before_are_left_out() -> None:
    book = tracker()
    book.hand_out(fetched(0, 5), BIG)
    assert book.hand_out(fetched(2, 5, end=8), BIG) == []
    (rest,) = book.hand_out(fetched(3, 8), BIG)
    assert (rest.first_offset, rest.last_offset) == (5, 7)


def test_a_log_made_anew_is_read_from_its_beginning() -> None:
    book = tracker(position=1000, committed=1000)
    (chunk,) = book.hand_out(fetched(0, 10), BIG)
    chunk.ack()
    assert (chunk.first_offset, book.to_commit()) == (0, 10)


def test_a_chunk_is_cut_where_it_would_be_too_large() -> None:
    book = tracker()
    three = [FakeRecord(0, b"x" * 60), FakeRecord(1, b"x" * 60), FakeRecord(2, b"x" * 500)]
    chunks = book.hand_out(Fetched(three, 3, 3), 150)
    assert [[record.offset for record in chunk.records] for chunk in chunks] == [[0, 1], [2]]
    assert [chunk.at_end for chunk in chunks] == [False, True]
    assert [chunk.size for chunk in chunks] == [120, 500]


def test_room_is_counted_in_records_bytes_and_chunks() -> None:
    assert not _full(tracker(most_records=6), 1)
    assert _full(tracker(most_records=5), 1)
    assert _full(tracker(most_bytes=5), 1)
    assert not _full(tracker(), MOST_CHUNKS - 1)
    assert _full(tracker(), MOST_CHUNKS)


def _full(book: OffsetTracker, chunks: int) -> bool:
    for at in range(0, 5 * chunks, 5):
        book.hand_out(fetched(at, at + 5), BIG)
    return not book.has_room()


def test_acknowledging_leaves_room() -> None:
    book = tracker(most_records=5)
    (chunk,) = book.hand_out(fetched(0, 5), BIG)
    assert not book.has_room()
    chunk.ack()
    assert book.has_room()


def test_once_closed_acknowledging_changes_nothing() -> None:
    book = tracker()
    (chunk,) = book.hand_out(fetched(0, 5), BIG)
    assert chunk.current
    book.close()
    chunk.ack()
    assert not chunk.current
    assert book.to_commit() is None


def test_the_end_is_reached_when_agents_have_all_of_it() -> None:
    book = tracker()
    assert not book.at_end
    (chunk,) = book.hand_out(fetched(0, 5), BIG)
    assert chunk.at_end
    assert not book.at_end
    chunk.take()
    assert book.at_end


def test_control_records_after_the_last_message_are_part_of_the_end() -> None:
    book = tracker()
    (chunk,) = book.hand_out(Fetched(records(0, 5), position=6, end=6), BIG)
    assert chunk.at_end


def test_an_empty_partition_is_at_its_end_once_it_was_looked_at() -> None:
    book = tracker()
    assert book.hand_out(Fetched([], 0, 0), BIG) == []
    assert book.at_end
