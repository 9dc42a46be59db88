"""Days, weeks and months of the business's time zone, held against Python's own database of time zones."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from sinks.database import select
from sinks.migrate import migrate
from tests.contract.engine import Engine
from tests.contract.facts_rows import PLAIN
from tests.unit.sinks.views import DAY, MINUTE, write

pytestmark = pytest.mark.embedded

QUARTER = 15 * MINUTE
# Each zone, and a day near which its clocks change: the hour in the night, midnight itself, half an hour, a whole day.
CHANGES = [
    ("UTC", "2024-02-29"),
    ("Europe/Berlin", "2024-03-31"),
    ("Europe/Berlin", "2024-10-27"),
    ("America/New_York", "2024-11-03"),
    ("America/Sao_Paulo", "2017-10-15"),
    ("Asia/Beirut", "2022-03-27"),
    ("America/Havana", "2024-11-03"),
    ("Africa/Cairo", "2024-04-26"),
    ("Australia/Lord_Howe", "2024-04-07"),
    ("Asia/Kathmandu", "2024-04-30"),
    ("Pacific/Kiritimati", "2024-12-31"),
]


def first_of(grain: str, day: date) -> date:
    """Return the first day of the bucket that a day falls into."""
    match grain:
        case "1d":
            return day
        case "1w":
            return day - timedelta(days=day.weekday())
        case _:
            return day.replace(day=1)


def following(grain: str, day: date) -> date:
    """Return the first day of the next bucket."""
    match grain:
        case "1d":
            return day + timedelta(days=1)
        case "1w":
            return day + timedelta(days=7)
        case _:
            return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def begins(day: date, zone: ZoneInfo) -> int:
    """Return the first quarter of an hour of a day in a zone, ms: the first that any clock there calls so."""
    at = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000) - DAY
    while local(at, zone) < day:
        at += QUARTER
    return at


def local(at: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at / 1000, zone).date()


@pytest.mark.parametrize("grain", ["1d", "1w", "1mo"])
@pytest.mark.parametrize(("zone", "changes"), CHANGES)
def test_a_bucket_is_a_day_week_or_month_of_the_zone(chdb: Engine, zone: str, changes: str, grain: str) -> None:
    middle = int(datetime.fromisoformat(f"{changes}T12:00:00+00:00").timestamp() * 1000)
    quarters = range(middle - 5 * DAY, middle + 5 * DAY, QUARTER)
    plain = PLAIN["metric_buckets"]
    rows = [msgspec.structs.replace(plain, metric="orders", bucket=at, numerator=1) for at in quarters]
    chdb.write("metric_buckets", [msgspec.structs.astuple(row) for row in rows])
    migrate(chdb, time_zone=zone)

    found = select(
        chdb,
        "SELECT toUnixTimestamp64Milli(bucket), n, toUnixTimestamp64Milli(any(ends_at)) FROM metric_counts "
        f"WHERE grain = '{grain}' GROUP BY bucket, n ORDER BY bucket",
    )

    clock = ZoneInfo(zone)
    counts = Counter(first_of(grain, local(at, clock)) for at in quarters)
    assert found == [[begins(day, clock), n, begins(following(grain, day), clock)] for day, n in sorted(counts.items())]


def test_another_zone_changes_the_days_at_once(chdb: Engine) -> None:
    # 22:30 in London, 23:30 in Berlin, and the next day in Moscow.
    write(chdb, "metric_buckets", bucket=int(datetime(2024, 1, 31, 22, 30, tzinfo=UTC).timestamp() * 1000))
    seen = []
    for zone in ("Europe/London", "Europe/Berlin", "Europe/Moscow", "UTC"):
        migrate(chdb, time_zone=zone)
        seen.append(select(chdb, "SELECT grain, bucket FROM rolling_metrics WHERE grain IN ('1d', '1mo') ORDER BY 1"))

    assert seen == [
        [["1d", "2024-01-31 00:00:00.000"], ["1mo", "2024-01-01 00:00:00.000"]],
        [["1d", "2024-01-30 23:00:00.000"], ["1mo", "2023-12-31 23:00:00.000"]],
        [["1d", "2024-01-31 21:00:00.000"], ["1mo", "2024-01-31 21:00:00.000"]],
        [["1d", "2024-01-31 00:00:00.000"], ["1mo", "2024-01-01 00:00:00.000"]],
    ]


@pytest.mark.parametrize("grain", ["1d", "1w", "1mo"])
def test_a_condition_finds_the_same_as_looking_through_everything(chdb: Engine, grain: str) -> None:
    migrate(chdb, time_zone="America/New_York")
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
    for number in range(24):
        write(chdb, "metric_buckets", metric="orders", bucket=start + number * 7 * DAY // 2)
    every = select(chdb, f"SELECT bucket, n FROM rolling_metrics WHERE grain = '{grain}' ORDER BY bucket")
    sinces = ["2024-02-01 00:00:00.000", "2024-02-01 05:00:00.000", "2024-02-05 05:00:00.000"]

    for since in sinces:
        for sign in (">=", "<"):
            found = select(
                chdb,
                f"SELECT bucket, n FROM rolling_metrics WHERE grain = '{grain}' AND bucket {sign} '{since}' "
                "ORDER BY bucket",
            )
            assert found == [row for row in every if (str(row[0]) >= since) == (sign == ">=")]


@pytest.mark.parametrize(
    ("grain", "ends"),
    [
        ("1d", datetime(2024, 3, 31, 22, tzinfo=UTC)),
        ("1w", datetime(2024, 3, 31, 22, tzinfo=UTC)),
        ("1mo", datetime(2024, 3, 31, 22, tzinfo=UTC)),
    ],
)
def test_a_bucket_is_final_when_its_last_day_in_the_zone_is_past(chdb: Engine, grain: str, ends: datetime) -> None:
    # The 31st of March 2024, a Sunday, has 23 hours in Berlin. Refunds are restated for three days.
    migrate(chdb, time_zone="Europe/Berlin")
    at = int(datetime(2024, 3, 31, 12, tzinfo=UTC).timestamp() * 1000)
    final_at = int(ends.timestamp() * 1000) + 3 * DAY
    write(chdb, "metric_buckets", metric="refunds", bucket=at)
    seen = []
    for version, settled in enumerate((final_at - 1, final_at), start=1):
        write(chdb, "clocks", time=final_at + DAY, settled=settled, version=version)
        seen.append(select(chdb, f"SELECT final FROM rolling_metrics WHERE grain = '{grain}'"))

    assert seen == [[[False]], [[True]]]
