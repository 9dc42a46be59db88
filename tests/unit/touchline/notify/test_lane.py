"""The way to one target, in time that passes as it is waited: attempts, duplicates, dead letters, order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from prometheus_client import CollectorRegistry

from schemas.topics import SIGNAL_FOLLOW_UPS, SIGNAL_SHIFTS
from streams.runtime.retry import Backoff
from streams.runtime.telemetry import Telemetry
from tests.unit.journeys.follow_up_play import complaint
from tests.unit.journeys.play import HOUR, MINUTE, Play, said
from tests.unit.journeys.two_partitions import GUEST, Two, owners
from tests.unit.touchline.notify.made_up import NOON, Time, follow_up, target
from touchline.notify.attempts import Attempts
from touchline.notify.choice import wants
from touchline.notify.errors import DeliveryError, RefusedDeliveryError
from touchline.notify.lane import Delivery, Lane
from touchline.notify.notices import Notice, notice_of
from touchline.notify.progress import Taken
from touchline.notify.remembered import Remembered
from touchline.notify.targets import Target
from touchline.notify.times import Times

PATIENCE_S = 100.0
Answer = Exception | None


def failure(retry_after_s: float = 0.0, says: str = "it answers 503") -> DeliveryError:
    return DeliveryError(says, "status", retry_after_s=retry_after_s)


class Bench:
    """A lane, a target that answers as it is told, and what came of it.

    Args:
        answer: of each attempt, by its key and the moment.
        per_minute: most attempts a minute.
    """

    def __init__(self, answer: Callable[[str, float], Answer], per_minute: float = 0) -> None:
        self.time = Time()
        self.sent: list[tuple[str, float]] = []
        self.letters: list[tuple[str, str]] = []
        self.done: list[int] = []
        self.telemetry = Telemetry.on(CollectorRegistry(), "notify")
        self._answer = answer
        self._count = 0
        self._all_done = asyncio.Event()
        attempts = Attempts(PATIENCE_S, Backoff(1, 8), per_minute, self.time.now, chance=lambda: 1.0)
        self.lane = Lane(
            target(),
            self,
            attempts,
            Remembered(for_s=1000),
            self._letter,
            self._note_done,
            self.telemetry,
            Times(lambda: NOON + int(self.time.now * 1000), self.time.monotonic, self.time.sleep),
        )

    async def send(self, _: Notice, key: str) -> None:
        self.sent.append((key, self.time.now - 1000))
        if error := self._answer(key, self.time.now - 1000):
            raise error

    async def _letter(self, _: Target, delivery: Delivery, why: str) -> None:
        self.letters.append((delivery.key, why))

    def _note_done(self, taken: Taken) -> None:
        self.done.append(taken.offset)
        if len(self.done) == self._count:
            self._all_done.set()

    def put(self, key: str) -> Taken:
        taken = Taken(self._count, 1, 1)
        sent_at = NOON + int(self.time.now * 1000) - 5000
        self.lane.put(Delivery(follow_up(), key, taken, SIGNAL_FOLLOW_UPS, 0, b"c-1", b"", sent_at, self.time.now))
        self._count += 1
        return taken

    async def run(self, keys: Sequence[str] = ()) -> None:
        """Put deliveries, and run the lane until it is done with all."""
        for key in keys:
            self.put(key)
        running = asyncio.create_task(self.lane.run())
        async with asyncio.timeout(10):
            await self._all_done.wait()
        running.cancel()

    def outcomes(self, outcome: str) -> float | None:
        labels = {"target": "care", "outcome": outcome}
        return self.telemetry.registry.get_sample_value("touchline_notify_signals_total", labels)


async def test_what_fails_is_sent_again_after_waits_that_double_until_it_is_taken() -> None:
    bench = Bench(lambda _, now: failure() if now < 7 else None)
    await bench.run(["a", "b"])

    assert bench.sent == [("a", 0), ("a", 1), ("a", 3), ("a", 7), ("b", 7)]
    assert bench.letters == []
    assert (bench.outcomes("delivered"), bench.outcomes("dead_letter")) == (2, 0)
    retried = bench.telemetry.registry.get_sample_value("touchline_retries_total", {"operation": "deliver"})
    assert retried == 3


async def test_it_is_sent_no_sooner_than_the_target_wants() -> None:
    bench = Bench(lambda _, now: failure(retry_after_s=30) if now < 30 else None)
    await bench.run(["a"])

    assert bench.sent == [("a", 0), ("a", 30)]


async def test_what_is_refused_is_a_dead_letter_at_once_and_the_next_goes_on() -> None:
    bench = Bench(lambda key, _: RefusedDeliveryError("it answers 400: no such field") if key == "a" else None)
    await bench.run(["a", "b"])

    assert bench.sent == [("a", 0), ("b", 0)]
    assert bench.letters == [("a", "it answers 400: no such field")]


async def test_one_that_fails_for_long_is_a_dead_letter_and_those_behind_it_arrive() -> None:
    bench = Bench(lambda key, _: failure() if key == "a" else None)
    await bench.run(["a", "b", "c"])

    assert bench.letters == [("a", "it answers 503")]
    assert [key for key, _ in bench.sent if key != "a"] == ["b", "c"]
    assert bench.time.now - 1000 <= PATIENCE_S + 8, "the patience, a wait, and no more"
    assert bench.done == [0, 1, 2]


async def test_a_target_that_is_down_holds_up_all_that_waits_for_it_only_once_for_its_patience() -> None:
    bench = Bench(lambda _, __: failure(says="no connection"))
    await bench.run([f"{number}" for number in range(500)])

    assert [why for _, why in bench.letters] == 500 * ["no connection"]
    assert bench.time.now - 1000 <= PATIENCE_S + 8
    # Waits of 1, 2, 4 and then 8 s: as often as it would be asked for one.
    assert len(bench.sent) < 20


async def test_a_slow_target_loses_nothing_for_its_slowness() -> None:
    bench = Bench(lambda _, __: None, per_minute=1)
    await bench.run(["a", "b", "c", "d"])

    assert bench.sent == [("a", 0), ("b", 60), ("c", 120), ("d", 180)]
    assert bench.letters == []


async def test_a_repeat_is_delivered_once_also_of_another_message() -> None:
    bench = Bench(lambda _, __: None)
    await bench.run(["a", "b", "a"])

    assert [key for key, _ in bench.sent] == ["a", "b"]
    assert (bench.outcomes("delivered"), bench.outcomes("duplicate")) == (2, 1)
    assert bench.done == [0, 1, 2]


async def test_a_shift_that_moves_to_its_owner_is_delivered_once() -> None:
    """A guest's experience turns and is told; then the guest logs in, and it is the customer's."""
    said_by_guest = [
        said((i - 60) * HOUR, 8_000 if i < 8 else -8_000, event_id=f"p{i}", customer_key=GUEST) for i in range(16)
    ]
    two = Two().send(*said_by_guest).at(-MINUTE).send(owners(7, (0, "ann"))).at(HOUR)
    told = [notice_of(one.topic, one.record) for one in two.signals if one.topic == SIGNAL_SHIFTS]
    wanted = [one for one in told if wants(target('signals = ["sentiment_shifts"]'), one)]
    bench = Bench(lambda _, __: None)

    await bench.run([one.key(of_customer=False) for one in wanted])

    assert [one.customer_id for one in wanted] == [GUEST, "ann"]
    assert (bench.outcomes("delivered"), bench.outcomes("duplicate")) == (1, 1)


async def test_a_complaint_under_the_event_id_of_anothers_silences_none() -> None:
    """Event ids are unique for a customer alone: whoever invents a complaint of nobody's chooses its event id."""
    told = []
    for at, customer in ((-HOUR, "nobody"), (0, "ann")):
        made = complaint(at, event_id="case-1001-1", customer_key=customer)
        told += [one for output in Play().send(made).outputs for one in output.signals]
    bench = Bench(lambda _, __: None)

    await bench.run([notice_of(one.topic, one.record).key(of_customer=False) for one in told])

    assert [one.record["customer_id"] for one in told] == ["nobody", "ann"]
    assert (bench.outcomes("delivered"), bench.outcomes("duplicate")) == (2, 0)


async def test_what_went_to_the_dead_letters_may_come_again() -> None:
    bench = Bench(lambda _, __: RefusedDeliveryError("no"))
    await bench.run(["a", "a"])

    assert len(bench.sent) == 2


async def test_what_is_anothers_is_not_delivered_here() -> None:
    bench = Bench(lambda _, __: None)
    bench.put("a").ours = False
    await bench.run(["b"])

    assert [key for key, _ in bench.sent] == ["b"]
    assert bench.done == [0, 1]


@pytest.mark.parametrize("after_s", [0, 2, 99])
async def test_what_goes_to_another_while_it_waits_is_neither_sent_nor_given_up(after_s: float) -> None:
    bench = Bench(lambda _, __: failure())
    taken, sleep = bench.put("a"), bench.time.sleep

    async def goes_meanwhile(seconds: float) -> None:
        await sleep(seconds)
        taken.ours = bench.time.now - 1000 < after_s

    bench.lane.times = bench.lane.times._replace(sleep=goes_meanwhile)
    await bench.run()

    assert [at for _, at in bench.sent if at > after_s] == []
    assert bench.letters == []
    assert bench.done == [0]


async def test_a_fault_that_nobody_expected_stops_nothing_and_loses_nothing() -> None:
    bench = Bench(lambda key, _: ValueError("of a library") if key == "a" else None)
    await bench.run(["a", "b"])

    assert bench.letters == [("a", "the attempt failed: ValueError")]
    assert [key for key, _ in bench.sent if key == "b"] == ["b"]
    failed = bench.telemetry.registry.get_sample_value
    assert (failed("touchline_notify_failures_total", {"target": "care", "cause": "other"}) or 0) > 1


async def test_ages_and_what_waits_are_told() -> None:
    bench = Bench(lambda _, __: None)
    for key in "abc":
        bench.put(key)
    told = bench.telemetry.registry.get_sample_value
    assert told("touchline_notify_waiting_signals", {"target": "care"}) == 3
    assert told("touchline_notify_oldest_seconds", {"target": "care"}) == 5

    await bench.run()
    assert told("touchline_notify_waiting_signals", {"target": "care"}) == 0
    assert told("touchline_notify_oldest_seconds", {"target": "care"}) == 0
    assert told("touchline_notify_age_seconds_sum", {"target": "care"}) == 15


async def test_a_stop_waits_for_the_attempt_that_is_under_way_and_lets_none_begin() -> None:
    bench = Bench(lambda _, __: None)
    under_way, go_on = asyncio.Event(), asyncio.Event()
    send = bench.send

    async def slow(notice: Notice, key: str) -> None:
        under_way.set()
        await go_on.wait()
        await send(notice, key)

    bench.lane.sender.send = slow  # type: ignore[method-assign]  # the bench's own
    for key in "ab":
        bench.put(key)
    running = asyncio.create_task(bench.lane.run())
    await under_way.wait()
    stopping = asyncio.create_task(bench.lane.stop())
    await asyncio.sleep(0)
    assert not stopping.done()

    go_on.set()
    await stopping
    for _ in range(10):
        await asyncio.sleep(0)
    running.cancel()
    assert [key for key, _ in bench.sent] == ["a"]
    assert bench.done == [0]
