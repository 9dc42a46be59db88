"""Charts: places worked out by hand."""

from __future__ import annotations

from touchline.page.charts import Observation, bar_chart, line_chart, ticks_between, unit_of


def test_ticks_are_round_and_within() -> None:
    assert ticks_between(0, 434) == [0, 200, 400]
    assert ticks_between(-0.66, 0.47) == [-0.5, 0]
    assert ticks_between(7, 7) == [7]


def test_a_missing_value_is_a_gap_and_a_lonely_one_a_dot() -> None:
    values = [0.0, 10.0, None, 5.0, None]
    chart = line_chart([Observation(at, value) for at, value in enumerate(values)], width=150, height=126)

    # From x 50 to 144 and, upwards, from y 108 to 8: a step in time is 23.5, a unit 10.
    assert chart.lines == ("M50,108 L73.5,8",)
    assert [(dot.x, dot.y) for dot in chart.dots] == [(120.5, 58.0)]


def test_a_band_goes_along_its_upper_and_back_along_its_lower_end() -> None:
    days = [Observation(0, 5.0, 0.0, 10.0), Observation(1, 5.0, 0.0, 10.0)]

    assert line_chart(days, width=150, height=126).bands == ("M50,8 L144,8 L144,108 L50,108 Z",)


def test_an_axis_of_times_names_whole_units() -> None:
    days = [Observation(0, 0.0), Observation(1, 3 * 3_600.0)]

    assert unit_of(3 * 3_600) == 3_600
    assert unit_of(89) == 1
    assert [tick.value for tick in line_chart(days, unit=3_600.0).ticks] == [0, 3_600, 7_200, 10_800]


def test_a_bar_is_as_high_as_its_value() -> None:
    chart = bar_chart([(0, 5.0), (1, 10.0), (2, 0.0)], height=126)

    assert [bar.height for bar in chart.bars] == [50, 100, 0]


def test_without_values_there_is_nothing_to_draw() -> None:
    assert line_chart([Observation(0, None)]).lines == ()
    assert bar_chart([]).bars == ()
