"""The merge while an input's reading is paused: the others go on, and time waits for a while."""

from __future__ import annotations

from tests.unit.intake.feed import IDLE, NOW, Feed, Task, clocks_of, give, listen, new_task, times_of

HELD = 60_000


def task_of_two() -> Task:
    """Return a task of a and b, both empty."""
    task = new_task(("a", "b"))
    for topic in ("a", "b"):
        task.set_caught_up(topic, caught_up=True)
    return task


def test_the_others_do_not_wait_for_a_held_input_but_time_does() -> None:
    task = new_task()
    give(task, "a", NOW - 500, NOW - 500, NOW - 500, caught_up=False)
    give(task, "b", NOW - 400, NOW - 300)
    give(task, "c", NOW - 450)
    task.hold("a", NOW + HELD)
    batch = task.drain(10, NOW)
    assert times_of(batch) == [*[NOW - 500] * 3, NOW - 450, NOW - 400, NOW - 300]
    assert max(clocks_of(batch)) == NOW - 500
    assert batch.done == [("a", 0), ("b", 0), ("c", 0)]


def test_time_waits_until_then_and_not_longer() -> None:
    task = task_of_two()
    give(task, "a", NOW - 500)
    task.hold("a", NOW + HELD)
    task.drain(10, NOW)
    assert listen(task, NOW, NOW + HELD - 1) == NOW - 500
    assert task.reached("a") == NOW - 500
    assert listen(task, NOW + HELD - 1, NOW + HELD) == NOW + HELD
    assert task.reached("a") == NOW + HELD


def test_an_input_that_told_no_time_yet_holds_time_back_too() -> None:
    task = task_of_two()
    task.add(("a", 0), "a", [], caught_up=False, now=NOW)
    task.hold("a", NOW + HELD)
    give(task, "b", NOW - 10)
    task.drain(10, NOW)
    assert listen(task, NOW, NOW + HELD - 1) == 0
    assert listen(task, NOW + HELD - 1, NOW + HELD) == NOW + HELD


def test_time_that_went_on_does_not_go_back_and_the_released_input_is_waited_for_again() -> None:
    task = task_of_two()
    give(task, "a", NOW - 500, caught_up=False)
    task.hold("a", NOW)
    task.drain(10, NOW)
    now = NOW + 2 * IDLE
    reached = listen(task, NOW, now)
    task.release("a", now)
    give(task, "b", now - 7, now=now)
    assert times_of(task.drain(10, now)) == [], "a may hold something earlier"
    give(task, "a", NOW - 400, NOW - 300, now=now, number=1)
    assert times_of(task.drain(10, now)) == [NOW - 400, NOW - 300, now - 7]
    assert task.watermark(now) == reached


def test_a_held_input_keeps_its_records_order() -> None:
    logs = {"a": [NOW - 900, NOW - 800, NOW - 700], "b": [NOW - 850, NOW - 750], "c": []}
    feed, task = Feed(logs), new_task()
    feed.fetch(task, "a", 2, NOW)
    feed.fetch(task, "b", 2, NOW)
    feed.fetch(task, "c", 1, NOW)
    task.hold("a", NOW + HELD)
    first = times_of(task.drain(10, NOW))
    task.release("a", NOW)
    feed.fetch(task, "a", 2, NOW)
    assert (first, times_of(task.drain(10, NOW))) == ([NOW - 900, NOW - 850, NOW - 800, NOW - 750], [NOW - 700])
