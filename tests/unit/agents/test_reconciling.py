"""One sink asks whether rows are missing, shows and logs it, and is disturbed by no failure of that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from schemas.inputs import input_topics
from schemas.rows import ClockRow, encode_rows
from sinks.database import Database
from sinks.errors import QueryError, TransientWriteError
from sinks.migrate import migrate
from streams.agents import reconciling
from streams.agents.reconciling import Reconciliation
from streams.agents.services import Producer, Services
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import DAY, HOUR, write
from tests.unit.streams.records import FakeRecord

BIG = 1 << 40
PURCHASES, TWEETS = "touchpoints.purchases.v1", "touchpoints.tweets.v1"
NOW = MAY_1 + 90 * DAY


class Ended(Exception):  # noqa: N818  # it ends the loop under test
    """The loop has slept as often as it was to."""


@dataclass
class Bench:
    """A reconciliation at a time of its own."""

    database: Database
    sleeps: list[float] = field(default_factory=list)
    telemetry: Telemetry = field(default_factory=lambda: Telemetry.on(CollectorRegistry(), "sink"))
    tracker: OffsetTracker = field(default_factory=lambda: OffsetTracker("facts.clocks.v1", 0, 0, None, BIG, BIG))

    def __post_init__(self) -> None:
        services = Services(
            Settings.model_validate({"reconcile_s": 60.0}),
            cast(Producer, None),
            self.telemetry,
            clock=lambda: NOW,
            sleep=self._sleep,
        )
        self.reconciliation = Reconciliation(services, self.database)

    async def _sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        if len(self.sleeps) == 2:
            raise Ended

    def own(self) -> Bench:
        """Let the sink have read the clocks' partition 0."""
        self.reconciliation.see(self._clocks())
        return self

    def _clocks(self) -> Chunk:
        record = FakeRecord(0, encode_rows([ClockRow(0, 5, 5, 0, 0)]))
        (chunk,) = self.tracker.track(Fetched([record], 1, BIG), BIG)
        return chunk

    async def check(self) -> list[dict[str, Any]]:
        """Check once; return what is logged."""
        with capture_logs() as logged:
            await self.reconciliation.check(self.database)
        return [dict(entry) for entry in logged]

    def shown(self, topic: str) -> float:
        return float(self.telemetry.missing_rows.labels(topic)._value.get())

    def failures(self) -> float:
        return float(self.telemetry.retries.labels("reconcile")._value.get())


@pytest.mark.embedded
async def test_kinds_that_share_a_topic_are_added_up(chdb: Engine) -> None:
    migrate(chdb, inputs=input_topics("*=events"))
    try:
        write(chdb, "clocks")
        write(chdb, "hourly_counts", hour=NOW - HOUR, accepted=3)
        write(chdb, "hourly_counts", hour=NOW - HOUR, kind="tweet", accepted=1)
        bench = Bench(chdb).own()

        (said,) = await bench.check()

        assert (said["topic"], said["missing"]) == ("events", 4)
        assert bench.shown("events") == 4
    finally:
        migrate(chdb)


class Answers:
    """A database that answers each query with an error, or with nothing."""

    def __init__(self, error: Exception | None = None, answer: bytes = b"[0]") -> None:
        self.error = error
        self.answer = answer
        self.asked: list[str] = []

    def query(self, sql: str, _: Mapping[str, object] | None = None, _format: str = "JSON") -> bytes:
        self.asked.append(sql)
        if self.error is not None:
            raise self.error
        return self.answer


def answers(error: Exception | None = None) -> Any:
    return Answers(error)


@pytest.mark.embedded
async def test_what_is_missing_is_shown_by_topic_and_named_by_hour_until_it_is_there(chdb: Engine) -> None:
    write(chdb, "clocks")
    write(chdb, "hourly_counts", hour=NOW - HOUR, accepted=3)
    write(chdb, "hourly_counts", hour=NOW - 2 * HOUR, kind="tweet", accepted=1)
    bench = Bench(chdb).own()

    logged = await bench.check()

    assert (bench.shown(PURCHASES), bench.shown(TWEETS)) == (3, 1)
    assert [(entry["topic"], entry["hour"], entry["missing"]) for entry in logged] == [
        (TWEETS, "2024-07-29T22:00:00.000Z", 1),
        (PURCHASES, "2024-07-29T23:00:00.000Z", 3),
    ]
    # What is known is not said again.
    assert await bench.check() == []
    for number in range(3):
        write(chdb, "touchpoints", event_id=f"e{number}", occurred_at=NOW - HOUR)
    await bench.check()
    assert (bench.shown(PURCHASES), bench.shown(TWEETS)) == (0, 1)


@pytest.mark.embedded
async def test_old_months_that_have_rows_are_asked_for_in_turn(chdb: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "TOGETHER", 1)
    write(chdb, "clocks")
    # April, May and July have something; the last two days have not.
    for n, at in enumerate((MAY_1 - 1, MAY_1, MAY_1 + 75 * DAY), start=1):
        write(chdb, "hourly_counts", hour=at - at % HOUR, accepted=n)
    bench = Bench(chdb).own()
    shown = []
    for _ in range(5):
        await bench.check()
        shown.append(bench.shown(PURCHASES))

    # April, May, July, and April again.
    assert shown == [1, 3, 6, 6, 6]


@pytest.mark.embedded
async def test_one_touchpoint_of_each_of_hundreds_of_months_is_asked_for_with_the_next_month(chdb: Engine) -> None:
    """By months, a row that is missing in the last of them would be told after 400 checks."""
    write(chdb, "clocks")
    rows = [("tweet", MAY_1 - number * 31 * DAY, "late", "c", f"e{number}", 1) for number in range(400)]
    chdb.write("outcomes", rows)
    write(chdb, "hourly_counts", hour=MAY_1, accepted=7)
    bench = Bench(chdb).own()

    await bench.check()

    assert (bench.shown(PURCHASES), bench.shown(TWEETS)) == (7, 400)


@pytest.mark.embedded
async def test_months_of_which_much_is_counted_are_asked_for_one_by_one(
    chdb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "TOGETHER", 3)
    write(chdb, "clocks")
    # Two counts in April, one in May, one in July, four in August.
    for n, at in enumerate([MAY_1 - HOUR, MAY_1 - 2 * HOUR, MAY_1, MAY_1 + 75 * DAY]):
        write(chdb, "hourly_counts", hour=at - at % HOUR, accepted=10**n)
    for n in range(4):
        write(chdb, "hourly_counts", hour=MAY_1 + 95 * DAY + n * HOUR, accepted=10_000)
    bench = Bench(chdb).own()
    shown = []
    for _ in range(3):
        await bench.check()
        shown.append(bench.shown(PURCHASES))

    assert shown == [111, 1_111, 41_111]


@pytest.mark.embedded
async def test_what_was_missing_is_not_told_any_more_when_its_count_is_deleted(chdb: Engine) -> None:
    write(chdb, "clocks")
    write(chdb, "hourly_counts", hour=MAY_1, accepted=3)
    bench = Bench(chdb).own()
    await bench.check()
    assert bench.shown(PURCHASES) == 3

    chdb.execute("TRUNCATE TABLE touchline.hourly_counts_rows")
    write(chdb, "hourly_counts", hour=MAY_1 + 75 * DAY, accepted=1)
    await bench.check()
    assert bench.shown(PURCHASES) == 1


@pytest.mark.parametrize("error", [TransientWriteError("away"), QueryError("no such column"), ValueError("?")])
async def test_a_check_that_fails_is_counted_and_said_once(error: Exception) -> None:
    bench = Bench(answers(error)).own()

    first, second = await bench.check(), await bench.check()

    assert [entry["log_level"] for entry in first] == ["warning"]
    assert str(error) in first[0]["cause"]
    assert second == []
    assert bench.failures() == 2


async def test_tables_without_the_view_are_not_asked() -> None:
    database = answers()

    assert await Bench(database).own().check() == []

    assert len(database.asked) == 1


async def test_only_the_sink_that_has_the_clocks_asks() -> None:
    database = answers()
    bench = Bench(database)
    await bench.check()
    assert database.asked == []

    await bench.own().check()
    assert database.asked

    bench.telemetry.missing_rows.labels(PURCHASES).set(7)
    database.asked.clear()
    bench.tracker.closed = True
    await bench.check()
    assert database.asked == []
    assert bench.shown(PURCHASES) == 0


async def test_it_rests_for_a_minute_at_least_and_fifty_times_as_long_as_it_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    took = iter((0.1, 4.0))
    bench = Bench(answers())

    async def check(_: Database) -> float:
        return next(took)

    monkeypatch.setattr(bench.reconciliation, "check", check)
    with pytest.raises(Ended):
        await bench.reconciliation.run()

    assert bench.sleeps == [60.0, 200.0]


async def test_a_sink_that_speaks_no_sql_asks_nothing() -> None:
    await asyncio.wait_for(Bench(cast(Database, None)).reconciliation.run(), 5)
