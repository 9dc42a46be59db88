"""What may be committed: all before the first message that a target is not done with."""

from __future__ import annotations

from touchline.notify.progress import Progress

PLACE = ("signals.follow_ups.v1", 0)


def test_an_offset_is_committed_when_every_target_has_all_before_it() -> None:
    progress = Progress(100, 1000)
    first, second, third = (progress.take(PLACE, offset, 10, targets=2) for offset in (5, 6, 7))
    for taken in (second, second, third, first):
        progress.done(taken)
    assert progress.to_commit() == {}

    progress.done(first)
    assert progress.to_commit() == {PLACE: 7}
    progress.committed({PLACE: 7})
    assert progress.to_commit() == {}

    progress.done(third)
    assert progress.to_commit() == {PLACE: 8}


def test_what_no_target_is_to_have_is_committed_as_soon_as_all_before_it_is() -> None:
    progress = Progress(100, 1000)
    waiting = progress.take(PLACE, 5, 10, targets=1)
    progress.take(PLACE, 9, 10, targets=0)
    assert progress.to_commit() == {}

    progress.done(waiting)
    assert progress.to_commit() == {PLACE: 10}


def test_there_is_room_for_so_many_deliveries_and_bytes() -> None:
    progress = Progress(5, 100)
    first = progress.take(PLACE, 0, 40, targets=2)
    assert progress.room == 3
    second = progress.take(PLACE, 1, 60, targets=1)
    assert progress.room == 0, "100 bytes wait"

    progress.done(second)
    assert progress.room == 3
    progress.done(first)
    assert progress.room == 4
    progress.done(first)
    assert progress.room == 5


def test_a_partition_that_goes_is_committed_no_more_and_what_waits_of_it_is_not_ours() -> None:
    progress = Progress(5, 100)
    gone, kept = progress.take(PLACE, 0, 40, targets=1), progress.take(("other", 0), 0, 40, targets=1)
    progress.revoke([PLACE, ("never read", 1)])
    assert (gone.ours, kept.ours) == (False, True)

    progress.done(gone)
    progress.done(kept)
    progress.committed({PLACE: 1})
    assert progress.to_commit() == {("other", 0): 1}
    assert progress.room == 5
