"""Reads a topic in chunks, writes down each record, and only then acknowledges. Ends on SIGTERM."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import faust
import uvloop

from streams.agents.services import Services
from streams.kafka.consumer import chunks_of, topic
from streams.process.app import TouchlineApp, new_app
from streams.process.run import serve
from streams.runtime import logging
from streams.settings import load

name, written, delay_s = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])


async def build(settings: Any, _services: Services, _stack: AsyncExitStack) -> TouchlineApp:
    app = new_app(settings, "test")

    @app.agent(topic(app, [name]), name="worker")
    async def run(stream: faust.StreamT[Any]) -> None:
        async for chunk in chunks_of(stream):
            for record in chunk.records:
                out.write(f"{chunk.partition} {record.offset} {(record.value or b'').decode()}\n")
            out.flush()
            await asyncio.sleep(delay_s)
            chunk.ack()

    return app


chosen = load()
out = written.open("a")
logging.configure(chosen)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(serve(chosen, "worker", 0, {name}, build))
