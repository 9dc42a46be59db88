"""An epoch is rebuilt while workers die, pause and rebalance: it signals what the former had not, and that alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from schemas.journey_log import Touchpoint
from schemas.topics import WATERMARKS
from streams.agents.signalled import reached_until
from streams.kafka.offsets import Record
from streams.settings import Settings
from tests.simulation.cluster import LAST_TICKS, Cluster
from tests.simulation.seeds import SEEDS
from tests.simulation.signals import last, moment, signals, stored
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, call, cart, order, said

SETTINGS = Settings(partitions=3)
END = T0 + 200 * DAY
GAPS = (SECOND, MINUTE, 10 * MINUTE, 40 * MINUTE, 2 * HOUR)
LAGS = (0, 0, 0, MINUTE, 3 * HOUR, 2 * DAY)
"""By how much later than it happened a touchpoint arrives, ms."""
COUNT = 120


def customers(seed: int, lags: Sequence[int]) -> list[Touchpoint]:
    """Return what a few customers do, whom everybody knows, in the order of arrival."""
    rng, at = random.Random(seed), 0
    made: list[tuple[int, Touchpoint]] = []
    for number in range(COUNT):
        at += rng.choice(GAPS)
        made.append((at + rng.choice(lags), _touchpoint(rng, at, number)))
    made.sort(key=lambda arrived: arrived[0])
    return [touchpoint for _, touchpoint in made]


def _touchpoint(rng: random.Random, at: int, number: int) -> Touchpoint:
    who = f"c{rng.randrange(5)}"
    thing, is_happy = f"{who}-{rng.randrange(8)}", rng.random() < (0.1, 0.9)[number // 40 % 2]
    stated: dict[str, Any] = {"event_id": f"e{number:05}", "fingerprint": number, "source_offset": number}
    stated |= {"customer_key": who, "customer_id": who, "identifiers": {}}
    makes: list[Callable[[], Touchpoint]] = [
        lambda: cart(at, "item_added", f"k{thing}", value=number, **stated),
        lambda: order(at, number + 1, order_id=f"o{number}", cart_id=f"k{thing}", **stated),
        lambda: order(at, number + 1, order_id=f"o{number}", **stated),
        lambda: call(at, rng.choice(("queued", "answered", "held", "ended")), f"l{thing}", **stated),
        lambda: said(at, 8_000 if is_happy else -8_000, post_id=f"t{number}", **stated),
    ]
    return rng.choices(makes, weights=(4, 1, 1, 1, 4))[0]()


def cluster_of(seed: int, disorder_ms: int, signalled_until: int = 0) -> Cluster:
    return Cluster(
        seed,
        SETTINGS,
        workers=1 + seed % 3,
        crashes=(0, 20)[seed % 2],
        disorder_ms=disorder_ms,
        calm=True,
        signalled_until=signalled_until,
    )


def reached(cluster: Cluster) -> int:
    """Return up to when the cluster's signals were sent, as a rebuild finds it, ms."""

    async def reports() -> AsyncIterator[Sequence[Record]]:
        yield list(cluster.broker.logs[WATERMARKS, 0])

    return asyncio.run(reached_until(SETTINGS, SETTINGS.partitions, reports()))


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_in_order_it_signals_what_happened_after_what_the_former_had_reached_and_nothing_else(seed: int) -> None:
    """The former is stopped amid what it does, or when it has done all."""
    touchpoints = customers(seed, (0,))
    former, later = touchpoints[: COUNT // 2], touchpoints[COUNT // 2 :]
    first, is_amid = cluster_of(seed, 0), seed % 4 == 0
    first.run(former, [], None if is_amid else later[0].occurred_at - LAST_TICKS * SECOND)
    until = reached(first)

    second = cluster_of(seed + 1, 0, until)
    second.run(touchpoints, [], END)

    again, rows = signals(second), stored(second)
    assert [one for one in again if moment(one) <= until] == []
    assert last(again) == {name: says for name, says in rows.items() if latest(says) > until}
    assert last(signals(first) + again) == rows
    assert len(last(again)) > 3
    assert is_amid or len(last(again)) < len(rows)


def latest(says: tuple[object, ...]) -> int:
    return max(at for at in says if isinstance(at, int))


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_what_comes_late_is_signalled_once_the_new_epoch_is_as_far_as_the_former(seed: int) -> None:
    """Who has heard both epochs knows what the tables say."""
    touchpoints, cut = customers(seed, LAGS), random.Random(seed).randrange(20, COUNT - 20)
    first = cluster_of(seed, 3 * HOUR)
    first.run(touchpoints[:cut], [], T0)
    until = reached(first)

    second = cluster_of(seed + 1, 3 * HOUR, until)
    second.run(touchpoints[:cut], [], until + 6 * MINUTE)
    second.run(touchpoints[cut:], [], END)

    assert last(signals(first) + signals(second)) == stored(second)
