"""The merge by event time, the watermark, and when chunks may be acknowledged."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from streams.intake.merge import MergedBatch, PartitionMerge
from tests.unit.intake.feed import (
    IDLE,
    NOW,
    TOPICS,
    Chunk,
    Feed,
    Record,
    Task,
    clocks_of,
    give,
    listen,
    new_task,
    records_of,
    times_of,
)

times = st.integers(min_value=1, max_value=60)
ordered_logs = st.fixed_dictionaries({t: st.lists(times, max_size=12).map(sorted) for t in TOPICS})
any_logs = st.fixed_dictionaries({topic: st.lists(times, max_size=12) for topic in TOPICS})


def merge_by_looking(logs: dict[str, list[int]]) -> list[Record]:
    """Merge by comparing all heads at every step; the first named topic wins a tie."""
    left = [[record for _, record in records_of(topic, logs[topic])] for topic in TOPICS]
    merged = []
    while any(left):
        earliest = min((rest[0][2], i) for i, rest in enumerate(left) if rest)
        merged.append(left[earliest[1]].pop(0))
    return merged


# --- order ---------------------------------------------------------------------------------------


@given(any_logs, st.integers(min_value=1, max_value=7))
def test_with_all_inputs_there_the_merge_is_the_merge_by_looking(logs: dict[str, list[int]], limit: int) -> None:
    task = new_task()
    for topic, log in logs.items():
        give(task, topic, *log)
    merged: list[Record] = []
    while batch := task.drain(limit, NOW).items:
        assert len(batch) <= limit
        merged += [record for record, _ in batch]
    assert merged == merge_by_looking(logs)


@given(ordered_logs)
def test_ordered_inputs_come_out_sorted(logs: dict[str, list[int]]) -> None:
    task = new_task()
    for topic, log in logs.items():
        give(task, topic, *log)
    everything = sorted(time for log in logs.values() for time in log)
    assert times_of(task.drain(1000, NOW)) == everything


steps = st.lists(
    st.tuples(
        st.sampled_from(("fetch", "drain", "watermark", "wait")),
        st.sampled_from(TOPICS),
        st.integers(min_value=1, max_value=4),
    ),
    max_size=80,
)


@given(ordered_logs, steps)
def test_nothing_goes_ahead_of_an_input_that_is_waited_for(
    logs: dict[str, list[int]], schedule: list[tuple[str, str, int]]
) -> None:
    task, feed = new_task(), Feed(logs)
    merged: list[int] = []
    for step, topic, size in schedule:
        if step == "fetch":
            feed.fetch(task, topic, size, NOW)
        else:
            merged += times_of(task.drain(size, NOW))
    assert merged == sorted(merged)
    unread = [time for rest in feed.unread.values() for time, _ in rest]
    assert not merged or not unread or merged[-1] <= min(unread)


@given(ordered_logs, steps)
def test_the_watermark_never_passes_what_is_still_to_come_nor_now_nor_goes_back(
    logs: dict[str, list[int]], schedule: list[tuple[str, str, int]]
) -> None:
    now = 30  # in the midst of the times, so that some records are of the future
    task: Task = PartitionMerge(TOPICS, 5, now)
    feed = Feed(logs)
    to_come = sorted(time for log in logs.values() for time in log)
    last = 0
    for step, topic, size in schedule:
        clocks: list[int] = []
        if step == "fetch":
            feed.fetch(task, topic, size, now)
        elif step == "wait":
            now += size
        elif step == "watermark":
            clocks = [task.watermark(now)]
        else:
            for (_, _, time), clock in task.drain(size, now).items:
                clocks.append(clock)
                assert clock <= to_come[0]
                to_come.remove(time)
        for clock in clocks:
            assert last <= clock <= now
            assert not to_come or clock <= to_come[0]
            last = clock


def test_a_late_record_keeps_its_place_in_its_log() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10, 50, 20, 60)
    give(task, "b", 15, 55)
    assert times_of(task.drain(100, NOW)) == [10, 15, 50, 20, 55, 60]


def test_an_input_not_yet_fetched_is_waited_for() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10, 20)
    assert task.drain(100, NOW).items == []
    give(task, "b", 5, 15, caught_up=False)
    assert times_of(task.drain(100, NOW)) == [5, 10, 15]
    assert times_of(task.drain(100, NOW)) == []
    give(task, "b", 30)
    assert times_of(task.drain(100, NOW)) == [20, 30]


def test_live_traffic_is_not_held_back_by_inputs_at_their_end() -> None:
    task = new_task(("a", "b"))
    give(task, "b", 5)
    give(task, "a", 10)
    assert times_of(task.drain(100, NOW)) == [5, 10]
    give(task, "a", 20)
    assert times_of(task.drain(100, NOW)) == [20]


def test_an_input_that_cannot_be_fetched_is_not_waited_for_beyond_the_idle_time() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10)
    give(task, "b", 5, 5, caught_up=False)
    assert times_of(task.drain(100, NOW)) == [5, 5]
    listen(task, NOW, NOW + IDLE - 1)
    assert times_of(task.drain(100, NOW + IDLE - 1)) == []
    assert times_of(task.drain(100, NOW + IDLE)) == [10]
    assert listen(task, NOW + IDLE, NOW + 10 * IDLE) == 5, "its end was not seen: it still bounds the time"


def test_the_wait_for_an_input_begins_when_its_buffer_runs_dry() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10, 20)
    give(task, "b", 5, 15, caught_up=False)
    later = NOW + 10 * IDLE
    listen(task, NOW, later)
    assert times_of(task.drain(100, later)) == [5, 10, 15]
    assert times_of(task.drain(100, later + 1)) == []


def test_a_chunk_of_refusals_only_shows_that_an_input_lives() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10)
    listen(task, NOW, NOW + IDLE - 1)
    give(task, "b", caught_up=False, now=NOW + IDLE - 1)
    assert times_of(task.drain(100, NOW + IDLE)) == []


# --- the watermark -------------------------------------------------------------------------------


def test_each_item_carries_the_least_of_what_the_inputs_have_reached() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10, 20, 30, 40)
    give(task, "b", 15, 35)
    # b's end at 35 bounds the last: nobody knows yet whether it is silent.
    assert clocks_of(task.drain(100, NOW)) == [10, 15, 20, 30, 35, 35]


def test_the_watermark_is_unknown_while_an_input_with_data_has_given_nothing() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10)
    assert task.watermark(NOW) == 0
    give(task, "b", 20)
    assert task.watermark(NOW) == 10


def test_inputs_that_never_had_anything_do_not_count() -> None:
    task = new_task()
    give(task, "a", 10, 20, caught_up=False)
    task.set_caught_up("b", caught_up=True)
    task.set_caught_up("c", caught_up=True)
    batch = task.drain(100, NOW)
    assert clocks_of(batch) == [10, 20]
    assert task.watermark(NOW) == 20


def test_an_input_at_its_end_counts_until_it_was_silent_for_the_idle_time() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10, now=NOW)
    give(task, "b", 20, now=NOW + 3_000)
    task.drain(100, NOW + 3_000)
    assert task.watermark(NOW + IDLE - 1) == 10
    assert task.watermark(NOW + IDLE) == 20, "a is silent, b was heard two seconds ago"
    assert task.watermark(NOW + 3_000 + IDLE - 1) == 20
    assert task.watermark(NOW + 3_000 + IDLE) == NOW + 3_000 + IDLE, "all are silent"


def test_silence_does_not_count_while_the_worker_itself_was_asleep() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10)
    give(task, "b", 20, 20, caught_up=False)
    task.drain(100, NOW)
    task.set_caught_up("b", caught_up=True)
    woken = NOW + 60_000
    assert task.watermark(woken) == 10
    give(task, "a", 30, now=woken)
    task.set_caught_up("b", caught_up=False)
    assert task.drain(100, woken).items == [], "what b had meanwhile is being fetched"
    assert listen(task, woken, woken + IDLE - 1) == 20


def test_the_next_look_tells_that_an_input_is_no_longer_at_its_end() -> None:
    task = new_task(("a", "b"))
    task.set_caught_up("b", caught_up=True)
    task.set_caught_up("b", caught_up=False)
    give(task, "a", 10)
    assert task.drain(100, NOW).items == []


def test_a_silent_task_does_not_tell_the_time_while_something_is_buffered() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10, 20)
    task.set_caught_up("b", caught_up=True)
    assert listen(task, NOW, NOW + 2 * IDLE) == 10
    assert clocks_of(task.drain(100, NOW + 2 * IDLE)) == [10, 20]
    assert task.watermark(NOW + 2 * IDLE) == NOW + 2 * IDLE


def test_a_task_without_anything_at_all_tells_the_time_only_after_the_idle_time() -> None:
    task = new_task(("a", "b"))
    task.set_caught_up("a", caught_up=True)
    task.set_caught_up("b", caught_up=True)
    assert listen(task, NOW, NOW + IDLE - 1) == 0
    assert task.watermark(NOW + IDLE) == NOW + IDLE


def test_a_task_of_which_nobody_knows_that_it_is_empty_does_not_tell_the_time() -> None:
    task = new_task(("a", "b"))
    task.set_caught_up("a", caught_up=True)
    assert listen(task, NOW, NOW + 10 * IDLE) == 0


def test_a_record_of_the_future_does_not_move_the_watermark_beyond_now() -> None:
    task = new_task(("a",))
    give(task, "a", NOW + 60_000)
    assert clocks_of(task.drain(100, NOW)) == [NOW]
    assert task.watermark(NOW + 1) == NOW + 1


def test_the_watermark_does_not_go_back_for_old_data_nor_for_a_clock_set_back() -> None:
    task = new_task(("a",))
    give(task, "a", 100)
    task.drain(100, NOW)
    assert listen(task, NOW, NOW + IDLE) == NOW + IDLE
    give(task, "a", 50, 200, now=NOW + IDLE)
    assert clocks_of(task.drain(100, NOW + IDLE)) == [NOW + IDLE, NOW + IDLE]
    assert task.watermark(NOW) == NOW + IDLE


def test_a_late_record_does_not_take_back_what_its_input_had_reached() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 50, 20, now=NOW + 3_000)
    give(task, "b", 10, now=NOW)
    assert times_of(task.drain(2, NOW + 3_000)) == [10, 50]
    assert times_of(task.drain(2, NOW + 3_000)) == [20]
    assert task.watermark(NOW + 3_000) == 10
    assert task.watermark(NOW + IDLE) == 50


@given(any_logs, st.integers(min_value=1, max_value=4))
def test_with_little_room_for_each_input_it_never_comes_to_a_standstill(logs: dict[str, list[int]], room: int) -> None:
    task, feed = new_task(), Feed(logs)
    merged: list[Record] = []
    unconsumed = dict.fromkeys(TOPICS, 0)
    for _ in range(200):
        for topic in TOPICS:
            if unconsumed[topic] < room:
                unconsumed[topic] += feed.fetch(task, topic, 3, NOW)
        batch = [record for record, _ in task.drain(2, NOW).items]
        for record in batch:
            unconsumed[record[0]] -= 1
        merged += batch
    assert merged == merge_by_looking(logs)


# --- acknowledging -------------------------------------------------------------------------------


def drained(task: Task, limit: int) -> Iterator[MergedBatch[Chunk, Record]]:
    while True:
        batch = task.drain(limit, NOW)
        yield batch
        if not batch.items:
            return


@given(any_logs, st.integers(min_value=1, max_value=5), st.integers(min_value=1, max_value=5))
def test_a_chunk_is_done_once_all_of_it_was_handed_on_in_order_of_its_input(
    logs: dict[str, list[int]], size: int, limit: int
) -> None:
    task, feed = new_task(), Feed(logs)
    for topic in TOPICS:
        while feed.unread[topic]:
            feed.fetch(task, topic, size, NOW)
        task.set_caught_up(topic, caught_up=True)
    handed_on: set[Record] = set()
    done: list[Chunk] = []
    for batch in drained(task, limit):
        handed_on |= {record for record, _ in batch.items}
        done += batch.done
        whole = {
            (topic, number)
            for topic, chunks in feed.chunks.items()
            for number, chunk in enumerate(chunks)
            if handed_on.issuperset(chunk)
        }
        assert set(done) == whole
    for topic in TOPICS:
        assert [n for t, n in done if t == topic] == list(range(len(feed.chunks[topic])))


def test_a_chunk_of_refusals_only_waits_for_the_chunks_before_it() -> None:
    task = new_task(("a", "b"))
    give(task, "a", 10, number=0)
    give(task, "a", number=1)
    assert task.drain(100, NOW).done == []
    task.set_caught_up("b", caught_up=True)
    assert task.drain(100, NOW).done == [("a", 0), ("a", 1)]
