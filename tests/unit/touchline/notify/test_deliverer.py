"""What becomes of a message: who is to have it, what is too old, and what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.topics import NOTIFY_DEAD_LETTERS, SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS
from schemas.units import HOUR_MS
from streams.kafka.batches import Unread, UnreadBatchError
from streams.kafka.producer import Batches, Message
from streams.runtime.retry import Backoff
from streams.runtime.telemetry import Telemetry
from tests.unit.touchline.notify.made_up import ABANDONMENT, FOLLOW_UP, NOON, Time, follow_up, target
from touchline.notify.attempts import Attempts
from touchline.notify.deliverer import DeadLetters, Deliverer
from touchline.notify.lane import Delivery, Lane
from touchline.notify.letters import Letter, decode
from touchline.notify.notices import Notice
from touchline.notify.progress import Progress, Taken
from touchline.notify.remembered import Remembered
from touchline.notify.targets import Target
from touchline.notify.times import Times

CODEC = Codec(FileRegistry())


@dataclass
class Stored:
    """A record as aiokafka gives it."""

    value: bytes | None
    offset: int = 7
    timestamp: int = NOON
    key: bytes | None = b"c-1"
    headers: Sequence[tuple[str, bytes | None]] = ()


class Kept:
    """A producer that keeps what it is to write."""

    def __init__(self) -> None:
        self.written: list[tuple[str, int, Message]] = []

    async def send(self, batches: Batches) -> object:
        self.written += [(*place, message) for place, messages in batches.items() for message in messages]
        return {}

    @property
    def letters(self) -> list[Letter]:
        return [decode(message.key, message.value, message.headers) for _, _, message in self.written]


class Noting(Lane):
    """A lane that keeps what it is given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.given: list[Delivery] = []

    def put(self, delivery: Delivery) -> None:
        self.given.append(delivery)


class Bench:
    """A deliverer with targets, at noon."""

    def __init__(self, *targets: Target, max_age_hours: int = 72) -> None:
        time = Time()
        times = Times(lambda: NOON, time.monotonic, time.sleep)
        self.telemetry = Telemetry.on(CollectorRegistry(), "notify")
        self.producer = Kept()
        self.progress = Progress(100, 1 << 20)
        letters = DeadLetters(self.producer, times)
        letters.open(1)
        self.lanes = [
            Noting(
                one,
                self,
                Attempts(1, Backoff(1, 1), 0, 0),
                Remembered(1),
                letters.write,
                self.progress.done,
                self.telemetry,
                times,
            )
            for one in targets
        ]
        age = max_age_hours * HOUR_MS
        self.deliverer = Deliverer(self.lanes, CODEC, self.progress, letters.write_unread, self.telemetry, age, times)

    async def send(self, _: Notice, __: str) -> None:
        """Send nothing."""

    async def take(self, value: bytes | None, topic: str = SIGNAL_FOLLOW_UPS) -> None:
        await self.deliverer.take(topic, 0, Stored(value))

    def keys(self) -> list[list[str]]:
        return [[delivery.key for delivery in lane.given] for lane in self.lanes]

    def told(self, name: str, labels: dict[str, str]) -> float | None:
        return self.telemetry.registry.get_sample_value(name, labels)


def encoded(record: Mapping[str, Any] = FOLLOW_UP, name: str = "FollowUp", **more: Any) -> bytes:
    return CODEC.encode(name, {**record, **more})


async def test_each_target_gets_what_it_wants_and_the_offset_waits_for_all_of_them() -> None:
    wide = target('signals = ["follow_ups", "abandonments"]', name="wide")
    bench = Bench(target(name="narrow"), wide)
    await bench.take(encoded())
    await bench.take(encoded(ABANDONMENT, "Abandonment"), SIGNAL_ABANDONMENTS)

    assert bench.keys()[0] == ["f-1:open"]
    assert [key.partition(":")[2] for key in bench.keys()[1]] == ["open", "abandoned"]
    for lane in bench.lanes:
        assert (SIGNAL_FOLLOW_UPS, 0) not in bench.progress.to_commit()
        bench.progress.done(lane.given[0].taken)
    assert bench.progress.to_commit() == {(SIGNAL_FOLLOW_UPS, 0): 8}


async def test_who_asks_for_withdrawals_gets_keys_of_the_customer() -> None:
    bench = Bench(target("withdrawals = true"), target(name="other"))
    await bench.take(encoded(retracted=True))

    assert bench.keys() == [[follow_up(retracted=True).key(of_customer=True)], []]


@pytest.mark.parametrize(
    ("hours", "changed_at", "outcome"),
    [(72, NOON - 72 * HOUR_MS, 1), (72, NOON - 72 * HOUR_MS - 1, 0), (0, NOON - 9000 * HOUR_MS, 1), (72, 0, 1)],
)
async def test_what_is_too_old_is_counted_and_not_delivered(hours: int, changed_at: int, outcome: int) -> None:
    bench = Bench(target(), max_age_hours=hours)
    await bench.take(encoded(changed_at=changed_at))

    assert len(bench.lanes[0].given) == outcome
    assert bench.told("touchline_notify_signals_total", {"target": "care", "outcome": "too_old"}) == 1 - outcome
    assert bool(bench.progress.to_commit()) is not bool(outcome)


def unread_batch() -> Unread:
    unread = Unread()
    unread.refusal = UnreadBatchError("the batch inflates to 900 MB", too_large=True, first=True)
    return unread


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"no signal", "not in Avro single-object encoding"),
        (b"", "not in Avro"),
        (None, "the message has no value"),
        (encoded()[:-1], "the body is not a FollowUp: it ends too early"),
        (encoded(ABANDONMENT, "Abandonment"), "holds a Abandonment; this topic carries FollowUp"),
        (b"\xc3\x01" + bytes(8), "no schema shipped with touchline has the fingerprint"),
        (encoded(due_at=1 << 62), "due_at is 4611686018427387904"),
        (unread_batch(), "inflates to 900 MB"),
    ],
)
async def test_what_cannot_be_read_is_a_dead_letter_and_stops_nothing(value: bytes | None, says: str) -> None:
    bench = Bench(target())
    await bench.take(value)
    (letter,) = bench.producer.letters

    assert says in letter.reason
    assert (letter.target, letter.id) == ("", "")
    assert (letter.topic, letter.partition, letter.offset) == (SIGNAL_FOLLOW_UPS, 0, 7)
    assert (letter.key, letter.value) == (b"c-1", value)
    assert bench.producer.written[0][0] == NOTIFY_DEAD_LETTERS
    assert bench.progress.to_commit() == {(SIGNAL_FOLLOW_UPS, 0): 8}
    assert bench.told("touchline_notify_unread_total", {"topic": SIGNAL_FOLLOW_UPS}) == 1


async def test_a_dead_letter_says_whose_it_was_why_and_what_and_holds_the_signal() -> None:
    bench = Bench(target())
    value = encoded()
    letters = DeadLetters(bench.producer, Times(lambda: NOON))
    letters.open(1)
    delivery = Delivery(follow_up(), "f-1:open", Taken(9, 1, 1), SIGNAL_FOLLOW_UPS, 3, b"c-1", value, NOON, 0.0)
    await letters.write(target(), delivery, "it answers 503")

    assert bench.producer.letters == [
        Letter("care", "it answers 503", "f-1:open", SIGNAL_FOLLOW_UPS, 3, 9, "2026-06-10T12:00:00.000Z", b"c-1", value)
    ]
    assert letters.unacknowledged_s == 0
