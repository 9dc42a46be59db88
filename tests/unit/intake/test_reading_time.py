"""How far an input has come as it is read: by its own records, whatever one clock says."""

from __future__ import annotations

from streams.intake.reading_time import ReadingTime


def reached(*times: int) -> list[int]:
    reading = ReadingTime()
    return [reading.read(time) for time in times]


def test_of_a_record_and_the_two_before_it_the_least_counts_and_it_never_goes_back() -> None:
    assert reached(10, 20, 30, 40, 5, 50, 60, 70) == [0, 0, 10, 20, 20, 20, 20, 50]


def test_two_wrong_clocks_in_a_row_move_nothing() -> None:
    assert reached(10, 11, 12, 9_000, 9_001, 13, 14, 15)[-1] == 13


def test_what_tells_no_time_is_passed_over() -> None:
    assert reached(10, 0, 20, 0, 0, 30) == [0, 0, 0, 0, 0, 10]
