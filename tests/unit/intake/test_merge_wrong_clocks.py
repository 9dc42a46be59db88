"""The merge where sources have wrong clocks: one record moves nobody's time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.intake.merge import NO_TIME
from tests.unit.intake.feed import IDLE, NOW, TOPICS, Feed, Task, clocks_of, give, listen, new_task, times_of

SECOND = 1_000
HOUR = 3_600_000
DAY = 24 * HOUR
START = NOW - 40 * DAY


def fed(task: Task, log: list[int], size: int) -> list[tuple[int, int]]:
    """Read one input to its end, chunk by chunk; return each record's time and watermark."""
    feed = Feed({"a": log})
    given: list[tuple[int, int]] = []
    while feed.fetch(task, "a", size, NOW):
        batch = task.drain(10**6, NOW)
        given += zip(times_of(batch), clocks_of(batch), strict=True)
    return given


# --- records that are known to be ahead ----------------------------------------------------------


def test_a_record_that_is_ahead_goes_in_its_place_moves_no_clock_and_makes_nobody_wait() -> None:
    task = new_task(("a", "b"))
    give(task, "a", START, NO_TIME, START + 60)
    give(task, "b", START + 30, START + 70)
    batch = task.drain(100, NOW)
    assert times_of(batch) == [START, NO_TIME, START + 30, START + 60, START + 70]
    assert [clock - START for clock in clocks_of(batch)] == [0, 0, 30, 60, 60]


def test_a_record_that_is_ahead_does_not_start_a_clock() -> None:
    task = new_task(("a", "b"))
    give(task, "a", NO_TIME)
    give(task, "b", START, START + 1)
    batch = task.drain(100, NOW)
    assert times_of(batch) == [NO_TIME, START, START + 1]
    assert clocks_of(batch) == [0, START, START + 1]


def test_an_input_whose_records_are_all_ahead_is_left_out_as_a_silent_one_is() -> None:
    task = new_task(("a", "b"))
    give(task, "a", START)
    give(task, "b", START + 1)
    task.drain(100, NOW)
    for now in range(NOW, NOW + IDLE, SECOND):
        give(task, "a", NO_TIME, now=now)
        give(task, "b", START + 1 + now - NOW, now=now)
        task.drain(100, now)
        assert task.watermark(now) == START
    assert task.watermark(NOW + IDLE) == START + 1 + IDLE - SECOND


def test_a_task_whose_records_are_all_ahead_tells_the_time() -> None:
    task = new_task(("a",))
    for now in range(NOW, NOW + IDLE + SECOND, SECOND):
        give(task, "a", NO_TIME, now=now)
        assert times_of(task.drain(100, now)) == [NO_TIME]
    assert task.watermark(NOW + IDLE) == NOW + IDLE


def test_records_that_are_ahead_do_not_hide_the_neighbours_that_agree() -> None:
    task = new_task(("a",))
    give(task, "a", START, START, START + 5 * DAY, NO_TIME, NO_TIME, START + 5 * DAY, START + 5 * DAY)
    assert clocks_of(task.drain(100, NOW)) == [START, START] + [START + 5 * DAY] * 5


# --- a backlog -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 24, 100, 479, 958, 959])
@pytest.mark.parametrize("size", [1, 2, 24, 100, 2000])
@pytest.mark.parametrize("wrong", [NOW, START + 39 * DAY, START - 300 * DAY], ids=["now", "day 39", "long ago"])
def test_one_wrong_clock_in_a_backlog_of_forty_days_makes_nobody_late(place: int, size: int, wrong: int) -> None:
    log = [START + hour * HOUR for hour in range(960)]
    log[place] = wrong
    task = new_task(("a",))
    given = fed(task, log, size)
    assert [time for time, _ in given] == log
    honest = [(time, clock) for number, (time, clock) in enumerate(given) if number != place]
    assert all(clock <= time + HOUR for time, clock in honest)
    assert task.watermark(NOW) >= START + 955 * HOUR, "the last ones may have no neighbours that agree"


def test_a_jump_that_the_next_ones_agree_with_moves_the_clock_at_once() -> None:
    task = new_task(("a",))
    log = [START, START + 1, START + 5 * DAY, START + 5 * DAY - HOUR, START + 5 * DAY + 1]
    give(task, "a", *log)
    assert clocks_of(task.drain(3, NOW)) == [START, START + 1, START + 5 * DAY]


def test_a_jump_that_one_of_the_next_two_contradicts_moves_no_clock() -> None:
    for behind in ((5 * DAY, 1), (1, 5 * DAY), (5 * DAY - HOUR - 1, 5 * DAY)):
        task = new_task(("a",))
        give(task, "a", START, START, START + 5 * DAY, *(START + time for time in behind), START + 6 * DAY)
        assert clocks_of(task.drain(3, NOW)) == [START] * 3


def test_up_to_an_hour_needs_nobody_to_agree() -> None:
    task = new_task(("a",))
    give(task, "a", START)
    give(task, "a", START + HOUR)
    give(task, "a", START + 1)
    assert clocks_of(task.drain(100, NOW)) == [START, START + HOUR, START + HOUR]


def test_an_hour_is_counted_from_what_neighbours_agreed_on_last() -> None:
    task = new_task(("a",))
    give(task, "a", START, START, START + 2 * HOUR, START - DAY, START - DAY, START + HOUR)
    assert clocks_of(task.drain(100, NOW)) == [START] * 5 + [START + HOUR]


def test_the_next_chunk_does_not_speak_for_records_far_before_it() -> None:
    task = new_task(("a",))
    give(task, "a", START, START, START + 9 * DAY, START, START, START + 10 * DAY)
    give(task, "a", START + 10 * DAY, START + 10 * DAY)
    assert [(clock - START) // DAY for clock in clocks_of(task.drain(100, NOW))] == [0, 0, 0, 0, 0, 10, 10, 10]


def test_many_wrong_clocks_do_not_add_their_hours_up() -> None:
    task = new_task(("a",))
    log = [START, START, START]
    for number in range(1, 100):
        log += [START + number * HOUR // 2, START, START]
    give(task, "a", *log)
    assert max(clocks_of(task.drain(1000, NOW))) <= START + HOUR


def test_a_wrong_clock_holds_neither_its_own_input_nor_another_one() -> None:
    task = new_task(("a", "b"))
    give(task, "a", START, START + 39 * DAY, START + 20, START + 40)
    give(task, "b", START + 10, START + 30)
    batch = task.drain(100, NOW)
    assert [time - START for time in times_of(batch)] == [0, 39 * DAY, 10, 20, 30, 40]
    assert [clock - START for clock in clocks_of(batch)] == [0, 0, 10, 20, 30, 30]


def test_the_last_of_a_chunk_waits_for_the_next_chunk_where_it_is_far_from_the_others() -> None:
    task = new_task(("a", "b"))
    give(task, "a", START, START, START + 5 * DAY, caught_up=False)
    give(task, "b", START + DAY, START + 2 * DAY)
    assert times_of(task.drain(100, NOW)) == [START, START]
    give(task, "a", START + 6 * DAY, START + 7 * DAY)
    assert [(time - START) // DAY for time in times_of(task.drain(100, NOW))] == [1, 2, 5, 6, 7]


def test_the_wait_for_a_next_chunk_ends_after_the_idle_time() -> None:
    task = new_task(("a",))
    give(task, "a", START, START, START + 5 * DAY, caught_up=False)
    task.drain(100, NOW)
    listen(task, NOW, NOW + IDLE - 1)
    assert times_of(task.drain(100, NOW + IDLE - 1)) == []
    batch = task.drain(100, NOW + IDLE)
    assert (times_of(batch), clocks_of(batch)) == ([START + 5 * DAY], [START])


def test_the_wait_for_a_next_chunk_begins_when_the_last_record_is_the_next() -> None:
    task = new_task(("a",))
    give(task, "a", START, START, START + 5 * DAY, caught_up=False)
    later = NOW + 10 * IDLE
    listen(task, NOW, later)
    assert times_of(task.drain(100, later)) == [START, START]
    assert times_of(task.drain(100, later + 1)) == []


def test_a_silent_task_does_not_tell_the_time_before_its_last_record_is_handed_on() -> None:
    task = new_task(("a",))
    give(task, "a", START, START, START + 5 * DAY)
    task.drain(2, NOW)
    assert listen(task, NOW, NOW + 2 * IDLE) == START + 5 * DAY
    assert clocks_of(task.drain(100, NOW + 2 * IDLE)) == [START + 5 * DAY]
    assert task.watermark(NOW + 2 * IDLE) == NOW + 2 * IDLE


def test_the_last_of_an_input_keeps_step_and_holds_the_time_back_only_for_the_idle_time() -> None:
    task = new_task(("a", "b"))
    give(task, "a", START, START, START + 5 * DAY)
    give(task, "b", START + DAY, START + 2 * DAY, START + 3 * DAY, START + 7 * DAY, START + 7 * DAY)
    assert [time - START for time in times_of(task.drain(3, NOW))] == [0, 0, DAY]
    assert task.watermark(NOW) == START
    assert listen(task, NOW, NOW + IDLE) == START + 2 * DAY
    assert [time // DAY for time in (time - START for time in times_of(task.drain(4, NOW + IDLE)))] == [2, 3, 5, 7]


# --- live traffic --------------------------------------------------------------------------------


def test_a_quiet_input_hands_each_on_at_once_and_is_left_out_after_the_idle_time() -> None:
    task = new_task(("quiet", "busy"))
    task.set_caught_up("quiet", caught_up=True)
    for day in range(5):
        now = NOW + day * DAY
        give(task, "busy", now - 2 * SECOND, now - SECOND, now=now)
        task.drain(100, now)
        give(task, "quiet", now, now=now)
        assert times_of(task.drain(100, now)) == [now]
        for later in range(now, now + IDLE + SECOND, SECOND):
            give(task, "busy", later, now=later)
            assert times_of(task.drain(100, later)) == [later]
        assert task.watermark(now + IDLE) == now + IDLE


def test_the_second_record_after_a_long_silence_moves_the_clock_on() -> None:
    task = new_task(("a",))
    clocks = []
    for time in (START, START, START + 5 * DAY, NO_TIME, START + 5 * DAY + SECOND, START + 5 * DAY + 2 * SECOND):
        give(task, "a", time)
        clocks += [(clock - START) / SECOND for clock in clocks_of(task.drain(100, NOW))]
    assert clocks == [0, 0, 0, 0, 432_001, 432_002]


def test_a_single_wrong_clock_in_a_trickle_moves_nothing() -> None:
    task = new_task(("a",))
    clocks = []
    for time in (START, START, START + 39 * DAY, START + 1, START + 2, START + 38 * DAY, START + 3):
        give(task, "a", time)
        clocks += clocks_of(task.drain(100, NOW))
    assert [clock - START for clock in clocks] == [0, 0, 0, 1, 2, 2, 3]


# --- any input -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """A record's honest time, and what it tells."""

    honest: int
    told: int

    @property
    def wrong(self) -> bool:
        return self.told != self.honest


gaps = st.one_of(st.integers(0, 2 * HOUR), st.integers(0, 5 * DAY))
kinds = st.sampled_from(("honest", "honest", "wrong", "ahead"))
anything = st.integers(START - 50 * DAY, NOW)


@st.composite
def logs(draw: st.DrawFn, *, only_honest: bool = False) -> list[Sent]:
    """Draw an input in order; of three neighbours that tell a time at most one tells a wrong one."""
    log: list[Sent] = []
    time = START
    for gap, kind in draw(st.lists(st.tuples(gaps, st.just("honest") if only_honest else kinds), max_size=16)):
        time += gap
        neighbours = [sent for sent in log if sent.told != NO_TIME][-2:]
        if kind == "wrong" and not any(sent.wrong for sent in neighbours):
            log.append(Sent(time, draw(anything)))
        elif kind == "ahead" and not (log and log[-1].told == NO_TIME):
            log.append(Sent(time, NO_TIME))
        else:
            log.append(Sent(time, time))
    return log


inputs = st.fixed_dictionaries({topic: logs() for topic in TOPICS})
honest_inputs = st.fixed_dictionaries({topic: logs(only_honest=True) for topic in TOPICS})
steps = st.lists(st.tuples(st.sampled_from((*TOPICS, "drain", "tick")), st.integers(1, 6)), max_size=40)


def play(sent: dict[str, list[Sent]], schedule: list[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """Read the inputs as the schedule says, then to their ends; return topic, offset and watermark of each record."""
    task, feed = new_task(), Feed({topic: [record.told for record in log] for topic, log in sent.items()})
    given: list[tuple[str, int, int]] = []
    clocks = [0]
    to_the_end = [*((topic, 16) for topic in TOPICS * 2), ("drain", 99)]
    for step, size in [*schedule, *to_the_end]:
        if step == "tick":
            clocks.append(task.watermark(NOW))
        elif step in TOPICS:
            feed.fetch(task, step, size, NOW)
        else:
            for (topic, offset, _), clock in task.drain(size, NOW).items:
                given.append((topic, offset, clock))
                clocks.append(clock)
    assert clocks == sorted(clocks), "the watermark never goes back"
    return given


@given(inputs, steps)
def test_every_record_is_handed_on_once_in_the_order_of_its_input(
    sent: dict[str, list[Sent]], schedule: list[tuple[str, int]]
) -> None:
    given = play(sent, schedule)
    for topic in TOPICS:
        assert [offset for name, offset, _ in given if name == topic] == list(range(len(sent[topic])))


@given(inputs, steps)
def test_wrong_clocks_put_the_watermark_an_hour_too_far_at_most(
    sent: dict[str, list[Sent]], schedule: list[tuple[str, int]]
) -> None:
    highest = 0
    for topic, offset, clock in play(sent, schedule):
        record, *behind = sent[topic][offset:]
        if not record.wrong:
            assert clock <= record.honest + HOUR, "nobody is later because of another's clock"
        # What the next honest one has reached may have been reached already: a gap hides it.
        reached = next((other.honest for other in behind if not other.wrong), record.honest)
        highest = max(highest, record.honest, reached)
        if sum(other.told != NO_TIME for other in sent[topic]) > 1:
            assert clock <= highest + HOUR


@given(honest_inputs, steps)
def test_honest_inputs_come_out_sorted_whatever_their_gaps(
    sent: dict[str, list[Sent]], schedule: list[tuple[str, int]]
) -> None:
    given = play(sent, schedule)
    times = [sent[topic][offset].honest for topic, offset, _ in given]
    assert all(before <= after for before, after in pairwise(times))
    assert all(clock <= time for time, (_, _, clock) in zip(times, given, strict=True))
