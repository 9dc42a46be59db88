"""The views hold what the contract says: names, order and types of columns, and figures worked out by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sinks.database import select
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1, PLAIN

pytestmark = pytest.mark.embedded

MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000

TIME = "DateTime64(3, 'UTC')"
CONTRACT: dict[str, dict[str, str]] = {
    "touchpoints": {
        "event_id": "String",
        "kind": "String",
        "occurred_at": TIME,
        "received_at": TIME,
        "customer_id": "String",
        "journey_id": "String",
        "channel": "String",
        "source": "String",
        "action": "String",
        "text": "String",
        "sentiment": "Nullable(Float64)",
        "experience": "Nullable(Float64)",
        "value_minor": "Nullable(Int64)",
        "currency": "Nullable(String)",
        "subject_id": "String",
        "attributes": "Map(String, String)",
        "ahead": "Bool",
        "superseded": "Bool",
    },
    "journeys": {
        "journey_id": "String",
        "customer_id": "String",
        "started_at": TIME,
        "last_touch_at": TIME,
        "ended_at": f"Nullable({TIME})",
        "touchpoints": "UInt64",
        "channels": "Array(String)",
        "path": "Array(String)",
        "purchases": "UInt64",
        "revenue_minor": "Int64",
        "currency": "String",
        "experience_first": "Nullable(Float64)",
        "experience_last": "Nullable(Float64)",
        "experience_mean": "Nullable(Float64)",
        "outcome": "String",
    },
    "sentiment_shifts": {
        "shift_id": "String",
        "customer_id": "String",
        "journey_id": "String",
        "direction": "String",
        "detected_at": TIME,
        "onset_at": TIME,
        "onset_event_id": "String",
        "before_mean": "Float64",
        "after_mean": "Float64",
        "n_before": "UInt64",
        "n_after": "UInt64",
        "cause_event_id": "Nullable(String)",
        "cause_kind": "Nullable(String)",
        "detector": "String",
    },
    "abandonments": {
        "subject": "String",
        "subject_id": "String",
        "customer_id": "String",
        "journey_id": "String",
        "started_at": TIME,
        "abandoned_at": TIME,
        "waited_seconds": "Float64",
        "value_minor": "Nullable(Int64)",
        "currency": "Nullable(String)",
        "status": "String",
        "recovered_at": f"Nullable({TIME})",
        "recovered_by": "Nullable(String)",
        "channel": "String",
        "attributes": "Map(String, String)",
    },
    "rolling_metrics": {
        "metric": "String",
        "grain": "String",
        "bucket": TIME,
        "dimension": "String",
        "dimension_value": "String",
        "n": "UInt64",
        "numerator": "Nullable(Float64)",
        "denominator": "Float64",
        "value": "Nullable(Float64)",
        "p50": "Nullable(Float64)",
        "p90": "Nullable(Float64)",
        "p99": "Nullable(Float64)",
        "ci_low": "Nullable(Float64)",
        "ci_high": "Nullable(Float64)",
        "final": "Bool",
    },
    "customers": {
        "customer_id": "String",
        "first_seen_at": TIME,
        "last_seen_at": TIME,
        "touchpoints": "UInt64",
        "purchases": "UInt64",
        "spend_minor": "Int64",
        "refunded_minor": "Int64",
        "currency": "String",
        "experience_mean": "Nullable(Float64)",
        "last_nps": "Nullable(Float64)",
        "open_cases": "UInt64",
        "status": "String",
    },
    "dead_letters": {
        "topic": "String",
        "partition": "UInt32",
        "offset": "UInt64",
        "reason": "String",
        "detail": "String",
        "stage": "String",
        "refused_at": TIME,
        "raw": "String",
    },
}


@pytest.mark.parametrize("view", CONTRACT)
def test_columns_are_those_of_the_contract(chdb: Engine, view: str) -> None:
    described = select(chdb, f"DESCRIBE TABLE {view}")

    columns = {str(row[0]): _plain(str(row[1])) for row in described}

    assert list(columns.items()) == list(CONTRACT[view].items())


def _plain(column_type: str) -> str:
    """Return a type without LowCardinality, which nobody who queries can tell."""
    for inner in ("String", "Nullable(String)"):
        column_type = column_type.replace(f"LowCardinality({inner})", inner)
    return column_type


def write(chdb: Engine, table: str, **changes: object) -> None:
    """Write the plain row of a table with some fields changed."""
    row = msgspec.structs.replace(PLAIN[table], **changes)
    chdb.write(table, [msgspec.structs.astuple(row)])


def only(chdb: Engine, sql: str) -> dict[str, Any]:
    """Return the one row that a query must give, by column."""
    (row,) = chdb.query(sql, output_format="JSONEachRow").splitlines()
    return dict(msgspec.json.decode(row))


def test_a_touchpoint_in_natural_units(chdb: Engine) -> None:
    write(chdb, "touchpoints", sentiment=-3333, text="late again")

    assert only(chdb, "SELECT * FROM touchpoints") == {
        "event_id": "e1",
        "kind": "purchase",
        "occurred_at": "2024-05-01 00:00:00.000",
        "received_at": "2024-05-01 00:00:00.250",
        "customer_id": "c1",
        "journey_id": "j1",
        "channel": "web",
        "source": "shop",
        "action": "placed",
        "text": "late again",
        "sentiment": -0.3333,
        "experience": 0.25,
        "value_minor": 1299,
        "currency": "EUR",
        "subject_id": "o1",
        "attributes": {"product": "shoe", "region": "north"},
        "ahead": False,
        "superseded": False,
    }


def test_a_touchpoint_without_scores(chdb: Engine) -> None:
    write(chdb, "touchpoints", sentiment=None, experience=None, value_minor=None, currency=None)

    row = only(chdb, "SELECT sentiment, experience, value_minor, currency FROM touchpoints")

    assert list(row.values()) == [None] * 4


def test_a_journey_with_its_path_of_kinds(chdb: Engine) -> None:
    write(chdb, "journeys", path="vvkapptccqsaeo", ended_at=MAY_1 + 30 * DAY, outcome="purchased")

    assert only(chdb, "SELECT * FROM journeys") == {
        "journey_id": "j1",
        "customer_id": "c1",
        "started_at": "2024-05-01 00:00:00.000",
        "last_touch_at": "2024-05-01 00:00:00.001",
        "ended_at": "2024-05-31 00:00:00.000",
        "touchpoints": 3,
        "channels": ["web", "phone"],
        "path": [
            "page_view",
            "cart_event",
            "purchase",
            "tweet",
            "support_call",
            "survey_answer",
            "case_event",
        ],
        "purchases": 1,
        "revenue_minor": 1299,
        "currency": "EUR",
        "experience_first": -0.1,
        "experience_last": 0.25,
        "experience_mean": 0.075,
        "outcome": "purchased",
    }


def test_a_journey_without_experience(chdb: Engine) -> None:
    write(
        chdb,
        "journeys",
        path="",
        channels=[],
        experience_first=None,
        experience_last=None,
        experience_sum=0,
        experience_n=0,
    )

    row = only(
        chdb,
        "SELECT path, channels, ended_at, experience_first, experience_last, experience_mean FROM journeys",
    )

    assert list(row.values()) == [[], [], None, None, None, None]


def test_a_shift(chdb: Engine) -> None:
    write(chdb, "sentiment_shifts", cause_event_id="e0", cause_kind="support_call")

    assert only(chdb, "SELECT * FROM sentiment_shifts") == {
        "shift_id": "s1",
        "customer_id": "c1",
        "journey_id": "j1",
        "direction": "worse",
        "detected_at": "2024-05-01 00:00:00.002",
        "onset_at": "2024-05-01 00:00:00.000",
        "onset_event_id": "e1",
        "before_mean": 0.6,
        "after_mean": -0.25,
        "n_before": 4,
        "n_after": 3,
        "cause_event_id": "e0",
        "cause_kind": "support_call",
        "detector": "cusum/1",
    }


def test_an_abandonment_and_its_recovery(chdb: Engine) -> None:
    write(chdb, "abandonments")
    write(chdb, "abandonments", version=2, status="recovered", recovered_at=MAY_1 + DAY, recovered_by="order")

    assert only(chdb, "SELECT * FROM abandonments") == {
        "subject": "checkout",
        "subject_id": "k1",
        "customer_id": "c1",
        "journey_id": "j1",
        "started_at": "2024-05-01 00:00:00.000",
        "abandoned_at": "2024-05-01 00:30:00.000",
        "waited_seconds": 1800.5,
        "value_minor": None,
        "currency": None,
        "status": "recovered",
        "recovered_at": "2024-05-02 00:00:00.000",
        "recovered_by": "order",
        "channel": "web",
        "attributes": {},
    }


def test_a_checkout_replaces_the_cart_it_was(chdb: Engine) -> None:
    write(chdb, "abandonments", subject="cart", version=1)
    write(chdb, "abandonments", subject="checkout", version=2)

    assert select(chdb, "SELECT subject FROM abandonments") == [["checkout"]]


@pytest.mark.parametrize("view", ["journeys", "sentiment_shifts", "abandonments"])
def test_what_was_taken_back_is_not_shown(chdb: Engine, view: str) -> None:
    write(chdb, view, version=1)
    write(chdb, view, version=2, deleted=True)

    assert select(chdb, f"SELECT count() FROM {view}") == [[0]]


def test_a_customer(chdb: Engine) -> None:
    write(chdb, "customers", last_nps=8.5, experience_sum=-5000, experience_n=4)

    assert only(chdb, "SELECT * FROM customers") == {
        "customer_id": "c1",
        "first_seen_at": "2024-05-01 00:00:00.000",
        "last_seen_at": "2024-05-01 00:00:00.001",
        "touchpoints": 3,
        "purchases": 1,
        "spend_minor": 1299,
        "refunded_minor": 0,
        "currency": "EUR",
        "experience_mean": -0.125,
        "last_nps": 8.5,
        "open_cases": 0,
        "status": "active",
    }


def test_a_dead_letter_with_its_bytes(chdb: Engine) -> None:
    write(chdb, "dead_letters")

    assert only(chdb, "SELECT * EXCEPT raw, hex(raw) AS raw FROM dead_letters") == {
        "topic": "touchpoints.tweets.v1",
        "partition": 2,
        "offset": 41,
        "reason": "undecodable",
        "detail": "no Avro",
        "stage": "ingest",
        "refused_at": "2024-05-01 00:00:00.000",
        "raw": "00FFFE",
    }


def test_business_facts(chdb: Engine) -> None:
    write(chdb, "business_changes", reverted_at=MAY_1 + DAY)
    write(chdb, "marketing_spend")

    change = only(chdb, "SELECT * FROM business_changes")
    spend = only(chdb, "SELECT * FROM marketing_spend")

    assert (change["change_id"], change["topic"]) == ("b1", None)
    assert change["reverted_at"] == "2024-05-02 00:00:00.000"
    assert (spend["spend_id"], spend["amount_minor"]) == ("m1", 100_000)
    assert spend["attributes"] == {"agency": "x"}


# Every metric: the stored sums of one minute -> n, numerator, denominator, value, ci_low, ci_high.
# Intervals were worked out apart from the project, with z = 1.959964:
#   NPS, 6 promoters, 1 passive, 3 detractors: (3/13, variance 10.5/13 - (3/13)^2, n 13) -> 23.077 +- 47.216
#   Wilson 3 of 4: (0.300642, 0.954413); 0 of 5: (0, 0.434482); 5 of 5: (0.565518, 1)
#   Scores 0.2, 0.4, 0.9, 0.1, -0.3, 0.5: mean 0.3, sample variance 0.164, variance of the mean 0.164 / 6 and
#   2 * (0.5 / 6)^2 = 0.0412222, t for five degrees of freedom 2.570582 in tables: +- 0.521912
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


@pytest.mark.parametrize("grain", ["1m", "1h", "1d"])
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


def test_minutes_and_shards_are_summed_to_hours_and_days(chdb: Engine) -> None:
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
    write(chdb, "clocks", partition=0, time=final_at + DAY)
    seen = [_final(chdb, grain)]

    write(chdb, "clocks", partition=1, time=final_at - 1)
    seen.append(_final(chdb, grain))
    write(chdb, "clocks", partition=1, time=final_at, version=2)
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
