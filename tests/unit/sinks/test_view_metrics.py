"""Metrics in the views: values, intervals, quantiles, grains and finality, with figures worked out by hand."""

from __future__ import annotations

import pytest

from sinks.database import select
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import DAY, HOUR, MINUTE, only, write

pytestmark = pytest.mark.embedded

METRICS: dict[str, tuple[dict[str, int], list[float | None]]] = {
    "nps": (
        {"n": 10, "numerator": 3, "squares": 9},
        [10, 3, 10, 30.0, -24.1390, 70.2928],
    ),
    "csat": (
        {"n": 4, "numerator": 3},
        [4, 3, 4, 0.75, 0.300642, 0.954413],
    ),
    "ces": ({"n": 5, "numerator": 0}, [5, 0, 5, 0.0, 0.0, 0.434482]),
    "orders": ({"n": 7, "numerator": 7}, [7, 7, 7, 7.0, None, None]),
    "revenue": (
        {"n": 2, "numerator": 2598},
        [2, 2598, 2, 2598.0, None, None],
    ),
    "refunds": ({"n": 1, "numerator": 999}, [1, 999, 1, 999.0, None, None]),
    "cart_abandonment_rate": (
        {"n": 4, "numerator": 3},
        [4, 3, 4, 0.75, 0.300642, 0.954413],
    ),
    "call_abandonment_rate": (
        {"n": 5, "numerator": 0},
        [5, 0, 5, 0.0, 0.0, 0.434482],
    ),
    "service_level": (
        {"n": 5, "numerator": 5},
        [5, 5, 5, 1.0, 0.565518, 1.0],
    ),
    "survey_abandonment_rate": (
        {"n": 4, "numerator": 3},
        [4, 3, 4, 0.75, 0.300642, 0.954413],
    ),
    "speed_of_answer": (
        {"n": 4, "numerator": 30_500},
        [4, 30.5, 4, 7.625, None, None],
    ),
    "hold_time": ({"n": 2, "numerator": 0}, [2, 0, 2, 0.0, None, None]),
    "first_response_time": (
        {"n": 2, "numerator": 7_200_000},
        [2, 7200, 2, 3600.0, None, None],
    ),
    "sentiment": (
        {"n": 6, "numerator": 18_000, "squares": 136_000_000},
        [6, 1.8, 6, 0.3, -0.221912, 0.821912],
    ),
    "experience": (
        {"n": 1, "numerator": -2500, "squares": 6_250_000},
        [1, -0.25, 1, -0.25, None, None],
    ),
    "sentiment_shifts": (
        {"n": 4, "numerator": 3},
        [4, 3, 4, 0.75, 0.300642, 0.954413],
    ),
}

FIGURES = "n, numerator, denominator, value, ci_low, ci_high"


@pytest.mark.parametrize("grain", ["1m", "1h", "1d", "1w", "1mo"])
@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_at_every_grain(chdb: Engine, metric: str, grain: str) -> None:
    sums, expected = METRICS[metric]
    write(chdb, "metric_buckets", metric=metric, **{"squares": 0, **sums})

    row = only(chdb, f"SELECT {FIGURES} FROM rolling_metrics WHERE metric = '{metric}' AND grain = '{grain}'")

    assert list(row.values()) == [
        None if figure is None else pytest.approx(figure, abs=1e-4 if metric in {"nps", "sentiment"} else 1e-6)
        for figure in expected
    ]


def test_the_interval_of_nps_holds_the_value_and_stays_on_the_scale(chdb: Engine) -> None:
    # Twenty promoters: 20/23 = 86.96, so the interval has to be stretched up to the 100 that was seen.
    sums = {"n": 20, "numerator": 20, "squares": 20}
    write(chdb, "metric_buckets", dimension_value="loved", **sums)
    write(chdb, "metric_buckets", dimension_value="hated", **sums | {"numerator": -20})

    rows = select(
        chdb,
        "SELECT value, round(ci_low, 3), round(ci_high, 3) FROM rolling_metrics WHERE grain = '1d' "
        "ORDER BY dimension_value",
    )

    # Margin: z * sqrt((21.5/23 - (20/23)^2) / 23) = 17.2732.
    assert rows == [[-100, -100, -69.683], [100, 69.683, 100]]


def test_promoters_and_detractors_are_counted_of_nps_alone(chdb: Engine) -> None:
    # Six promoters, three detractors and one passive in two minutes.
    write(chdb, "metric_buckets", n=5, numerator=4, squares=4)
    write(chdb, "metric_buckets", n=5, numerator=-1, squares=5, bucket=MAY_1 + MINUTE)
    write(chdb, "metric_buckets", metric="experience", n=5, numerator=-100, squares=5000)

    rows = select(chdb, "SELECT metric, promoters, detractors, n FROM rolling_metrics WHERE grain = '1d' ORDER BY 1")

    assert rows == [["experience", None, None, 5], ["nps", 6, 3, 10]]


def test_few_answers_of_one_kind_give_wide_intervals_of_nps(chdb: Engine) -> None:
    # One promoter: (1/4, variance 2.5/4 - 1/16, n 4) -> 25 +- 73.5; two: (2/5, 3.5/5 - 4/25, n 5) -> 40 +- 64.4.
    for answers in (1, 2):
        sums = {"n": answers, "numerator": answers, "squares": answers}
        write(chdb, "metric_buckets", dimension_value=str(answers), **sums)

    rows = select(chdb, "SELECT round(ci_low, 1), round(ci_high, 1) FROM rolling_metrics WHERE grain = '1d' ORDER BY n")

    assert rows == [[-48.5, 100], [-24.4, 100]]


def test_equal_scores_have_no_interval_below_five_and_never_one_of_width_zero(chdb: Engine) -> None:
    for n in (1, 2, 4, 5, 400):
        sums = {"n": n, "numerator": 5000 * n, "squares": 25_000_000 * n}
        write(chdb, "metric_buckets", metric="experience", dimension_value=str(n), **sums)

    rows = select(
        chdb,
        "SELECT n, round(ci_low, 3), round(ci_high, 3) FROM rolling_metrics "
        "WHERE metric = 'experience' AND grain = '1d' ORDER BY n",
    )

    # +- t * sqrt(0.5) / n: t is 2.776 for 4 degrees of freedom and 1.966 for 399; no score is above 1.
    assert rows == [[1, None, None], [2, None, None], [4, None, None], [5, 0.107, 0.893], [400, 0.497, 0.503]]


def test_minutes_and_shards_are_summed_to_all_grains(chdb: Engine) -> None:
    for partition, minute in ((0, 0), (1, 0), (0, 59), (0, 60), (1, 23 * 60 + 59), (0, 24 * 60)):
        write(chdb, "metric_buckets", metric="orders", partition=partition, bucket=MAY_1 + minute * MINUTE)

    rows = select(chdb, "SELECT grain, bucket, n FROM rolling_metrics ORDER BY length(grain), grain, bucket")

    assert sorted(rows, key=str) == sorted(
        [
            ["1m", "2024-05-01 00:00:00.000", 2],
            ["1m", "2024-05-01 00:59:00.000", 1],
            ["1m", "2024-05-01 01:00:00.000", 1],
            ["1m", "2024-05-01 23:59:00.000", 1],
            ["1m", "2024-05-02 00:00:00.000", 1],
            ["1h", "2024-05-01 00:00:00.000", 3],
            ["1h", "2024-05-01 01:00:00.000", 1],
            ["1h", "2024-05-01 23:00:00.000", 1],
            ["1h", "2024-05-02 00:00:00.000", 1],
            ["1d", "2024-05-01 00:00:00.000", 5],
            ["1d", "2024-05-02 00:00:00.000", 1],
            ["1w", "2024-04-29 00:00:00.000", 6],
            ["1mo", "2024-05-01 00:00:00.000", 6],
        ],
        key=str,
    )


def test_dimensions_are_kept_apart(chdb: Engine) -> None:
    write(chdb, "metric_buckets", dimension="all", n=3)
    write(chdb, "metric_buckets", dimension="channel", dimension_value="web", n=2)
    write(chdb, "metric_buckets", dimension="channel", dimension_value="store", n=1)

    rows = select(
        chdb,
        "SELECT dimension, dimension_value, n FROM rolling_metrics WHERE grain = '1h' ORDER BY ALL",
    )

    assert rows == [["all", "", 3], ["channel", "store", 1], ["channel", "web", 2]]


def test_quantiles_are_those_of_all_samples(chdb: Engine) -> None:
    # 1, 2, 3, 4, 10 seconds: linear between the order statistics, as numpy's default and Excel's PERCENTILE.INC.
    write(chdb, "metric_buckets", metric="hold_time", n=3, samples=[1000, 3000, 10_000])
    write(chdb, "metric_buckets", metric="hold_time", n=2, samples=[2000, 4000], partition=1)

    row = only(chdb, "SELECT p50, p90, p99 FROM rolling_metrics WHERE grain = '1d'")

    assert list(row.values()) == pytest.approx([3.0, 7.6, 9.76])


@pytest.mark.parametrize("grain", ["1m", "1h", "1d", "1w", "1mo"])
def test_durations_that_one_partition_takes_away_are_no_longer_anothers(chdb: Engine, grain: str) -> None:
    # Left are 1, 2 and 20 seconds: of the two calls that were not on hold, one was then, on another partition.
    write(chdb, "metric_buckets", metric="hold_time", n=3, samples=[1000, 2000, 2000])
    write(chdb, "metric_buckets", metric="hold_time", n=0, samples=[20_000], samples_less=[2000], partition=1)

    row = only(chdb, f"SELECT n, p50, p90, p99 FROM rolling_metrics WHERE grain = '{grain}'")

    assert list(row.values()) == pytest.approx([3, 2.0, 16.4, 19.64])


def test_durations_of_which_none_is_left_have_no_quantiles(chdb: Engine) -> None:
    write(chdb, "metric_buckets", metric="hold_time", n=1, samples=[1000])
    write(chdb, "metric_buckets", metric="hold_time", n=0, samples_less=[1000], partition=1)

    row = only(chdb, "SELECT p50, p90, p99 FROM rolling_metrics WHERE grain = '1m'")

    assert list(row.values()) == [None, None, None]


def test_a_metric_without_samples_has_no_quantiles(chdb: Engine) -> None:
    write(chdb, "metric_buckets")

    row = only(chdb, "SELECT p50, p90, p99 FROM rolling_metrics WHERE grain = '1m'")

    assert list(row.values()) == [None, None, None]


def test_a_bucket_whose_counts_went_to_nothing_is_gone(chdb: Engine) -> None:
    nothing = {"n": 0, "numerator": 0, "squares": 0}
    write(chdb, "metric_buckets", version=1)
    write(chdb, "metric_buckets", version=2, **nothing)
    write(chdb, "metric_buckets", metric="csat", **nothing)

    assert select(chdb, "SELECT count() FROM rolling_metrics") == [[0]]


# metric -> how long after its end a bucket can still be restated: 3 days; what can be corrected 3 days more;
# a cart 30 days and 30 minutes more;
# a survey 7 and 30 days more; a first answer 30 days more; a call a day more; a shift the year in which its onset may
# still be found.
HORIZONS = {
    "refunds": 3 * DAY,
    "orders": 6 * DAY,
    "nps": 6 * DAY,
    "first_response_time": 33 * DAY,
    "call_abandonment_rate": 4 * DAY,
    "speed_of_answer": 4 * DAY,
    "sentiment_shifts": 368 * DAY,
    "cart_abandonment_rate": 33 * DAY + 30 * MINUTE,
    "survey_abandonment_rate": 40 * DAY,
}


@pytest.mark.parametrize(("grain", "length"), [("1m", MINUTE), ("1h", HOUR), ("1d", DAY)])
@pytest.mark.parametrize("metric", HORIZONS)
def test_a_bucket_is_final_when_every_shard_is_past_its_horizon(
    chdb: Engine, metric: str, grain: str, length: int
) -> None:
    final_at = MAY_1 + length + HORIZONS[metric]
    write(chdb, "metric_buckets", metric=metric)
    write(chdb, "clocks", partition=0, settled=final_at + DAY)
    seen = [_final(chdb, grain)]

    write(chdb, "clocks", partition=1, time=final_at + DAY, settled=final_at - 1)
    seen.append(_final(chdb, grain))
    write(chdb, "clocks", partition=1, time=final_at + DAY, settled=final_at, version=2)
    seen.append(_final(chdb, grain))

    assert seen == [True, False, True]


def test_without_clocks_nothing_is_final(chdb: Engine) -> None:
    write(chdb, "metric_buckets")

    assert _final(chdb, "1m") is False


def _final(chdb: Engine, grain: str) -> object:
    return only(chdb, f"SELECT final FROM rolling_metrics WHERE grain = '{grain}'")["final"]


@pytest.mark.parametrize("grain", ["1m", "1h", "1d"])
def test_a_condition_finds_the_same_as_looking_through_everything(chdb: Engine, grain: str) -> None:
    for day in range(3):
        for minute in (0, 59, 720):
            bucket = MAY_1 + day * DAY + minute * MINUTE
            write(chdb, "metric_buckets", metric="orders", bucket=bucket)
            write(chdb, "metric_buckets", metric="revenue", bucket=bucket)
    since = "2024-05-02 00:30:00.000"

    found = select(
        chdb,
        "SELECT metric, grain, bucket, n FROM rolling_metrics WHERE metric = 'orders' "
        f"AND grain = '{grain}' AND bucket >= '{since}' ORDER BY bucket",
    )

    every = select(chdb, "SELECT metric, grain, bucket, n FROM rolling_metrics ORDER BY bucket")
    assert found == [row for row in every if row[:2] == ["orders", grain] and str(row[2]) >= since]
    assert len(found) == {"1m": 5, "1h": 3, "1d": 1}[grain]
