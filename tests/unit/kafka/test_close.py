"""Stopping a client of Kafka does not wait for a broker that says no goodbye."""

from __future__ import annotations

import asyncio

import pytest

from streams.kafka.client import close


async def test_a_broker_that_says_no_goodbye_is_not_waited_for_and_is_heard_of_when_it_does() -> None:
    said, done = asyncio.Event(), asyncio.Event()

    async def stop() -> None:
        await said.wait()
        done.set()

    async with asyncio.timeout(10):
        await close(stop(), 0.01)
        assert not done.is_set()
        said.set()
        await done.wait()


async def test_a_client_that_cannot_be_stopped_says_why() -> None:
    async def stop() -> None:
        raise RuntimeError("no such client")

    with pytest.raises(RuntimeError, match="no such client"):
        await close(stop())
