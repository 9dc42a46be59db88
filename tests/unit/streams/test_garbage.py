"""No run of the garbage collector but a full one, which is rare, looks through much: nobody has a turn meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from streams.process.run import tune_garbage_collector

MOST = 25_000
"""Objects that are looked through at once: each takes 0.3 us of CPU time, and 1 us where memory is busy."""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_stays_is_looked_through_in_small_parts() -> None:
    seen: list[tuple[int, int]] = []

    def see(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            generation = info["generation"]
            seen.append((generation, sum(len(gc.get_objects(younger)) for younger in range(generation + 1))))

    gc.collect()
    tune_garbage_collector()
    gc.callbacks.append(see)
    try:
        kept: list[list[object]] = [[] for _ in range(200_000)]
    finally:
        gc.callbacks.remove(see)

    assert len(kept) == 200_000
    assert {generation for generation, _ in seen} == {0, 1}
    assert max(count for _, count in seen) < MOST
