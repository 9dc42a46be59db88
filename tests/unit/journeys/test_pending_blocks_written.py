"""Blocks of pending touchpoints, whoever writes them, late or twice: a restore gives what the log says."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import Erased, Owners, Touchpoint
from streams.journeys.rules import Rules
from tests.simulation import arrivals
from tests.simulation.journeys_log import end_of_time, removal
from tests.simulation.seeds import SEEDS
from tests.simulation.state_writers import StateWriters, apply, flush, restore, states
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, cart, seen_page
from tests.unit.journeys.test_order import LAGS, histories

KEYS = ("ann", "anon:cookie:k")
SALT = b"salt" * 4
RULES = Rules(profile_retention_ms=10 * DAY)


def log_of(seed: int) -> list[bytes]:
    """Return a log of two busy customers: what they do comes in order or late, is withdrawn and moved, and they end."""
    rng = random.Random(seed)
    late, removed, ends = rng.choice((0.05, 0.3)), rng.choice((0.0, 0.2)), rng.choice((0.0, 0.02))
    records: list[bytes] = []
    known: dict[str, list[Touchpoint]] = {key: [] for key in KEYS}
    at = 0
    for number in range(rng.choice((80, 200))):
        at += rng.choice((SECOND, SECOND, MINUTE, 40 * MINUTE))
        key, happened = rng.choice(KEYS), at - rng.choice((SECOND, 2 * MINUTE, HOUR, at)) * (rng.random() < late)
        made = rng.choice((seen_page, seen_page, seen_page, _cart))(happened, customer_key=key)
        one = replace(made, event_id=f"e{number:03}", fingerprint=number, watermark=T0 + at - rng.choice((0, 0, DAY)))
        known[key].append(one)
        records.append(journey_log.encode(one))
        if rng.random() < removed:
            # Often the newest: what it has parted belongs together again.
            gone = rng.choice((known[key][-1:], known[key][-5:], rng.sample(known[key], 1)))
            ids = [one.event_id for one in gone]
            records.append(journey_log.encode(removal(len(records), *ids, customer_key=key)))
            records += [journey_log.encode(one) for one in gone if rng.random() < 0.3]
        if rng.random() < ends:
            at += rng.choice((4 * DAY, 20 * DAY))
            records.append(end_of_time(T0 + at))
        if rng.random() < ends:
            erased = Erased(key, T0 + at - rng.choice((0, MINUTE, HOUR)), "erasure", SALT, len(records))
            records.append(journey_log.encode(erased))
        if rng.random() < ends / 4:
            records.append(journey_log.encode(Owners(key, [T0 + at - HOUR], ["bob"], len(records))))
    later = (6 * MINUTE, HOUR, DAY, 4 * DAY, 8 * DAY, 40 * DAY)
    return [*records, *(end_of_time(T0 + at + gap + second * SECOND) for gap in later for second in range(3))]


def _cart(at: int, **more: Any) -> Touchpoint:
    return cart(at, "item_added", **more)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_restore_gives_what_the_log_says_whoever_was_killed_or_wrote_late(seed: int) -> None:
    writers = StateWriters(seed, log_of(seed), RULES, random.Random(seed).choice((150, 300, 900)))

    writers.run()

    assert writers.surplus() == []


@settings(max_examples=100, deadline=None)
@given(histories(), st.integers(0, 10_000), st.lists(st.integers(1, 50)), LAGS, st.sampled_from([100, 400]))
def test_whatever_comes_and_wherever_it_is_cut_a_restore_gives_the_state_that_was_written(
    history: list[Touchpoint], seed: int, cuts: list[int], lag: int, block_bytes: int
) -> None:
    records = arrivals.as_log(arrivals.delayed(history, seed, 2 * DAY), lag)
    partition, changelog = restore([], RULES), []
    for cut in [*sorted(set(cuts)), len(records)]:
        apply(partition, records, cut)
        changelog += flush(partition, block_bytes)

        assert states(restore(changelog, RULES)) == states(partition)
