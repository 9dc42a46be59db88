"""A sink that acknowledges chunks before their rows are stored: what a test of lost rows has to notice."""

from __future__ import annotations

from streams.agents.sink import Block, Sink
from streams.process.run import run_sink
from streams.settings import load

store = Sink._store


async def acknowledge_and_store(self: Sink, block: Block) -> None:
    for chunk in block.chunks:
        chunk.ack()
    await store(self, block)


Sink._store = acknowledge_and_store  # type: ignore[method-assign]  # that is the point
run_sink(load())
