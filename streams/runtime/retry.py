"""Retry with backoff: the one loop that tries again until it succeeds, with doubling waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

Sleep = Callable[[float], Awaitable[None]]
"""Waits for some seconds; injected, so that tests need not wait."""


class Backoff(NamedTuple):
    """How long to wait between attempts, seconds: `first_s`, then twice as long each time, up to `longest_s`."""

    first_s: float
    longest_s: float


class Failure(NamedTuple, Generic[E]):
    """A failed attempt.

    Attributes:
        error: why it failed.
        attempt: the number of the attempt, from 1.
        retry_in_s: seconds until the next one.
    """

    error: E
    attempt: int
    retry_in_s: float


async def retry(
    attempt: Callable[[], Awaitable[T]],
    *,
    transient: type[E] | tuple[type[E], ...],
    passes: Callable[[E], bool] = lambda _: True,
    backoff: Backoff,
    on_failure: Callable[[Failure[E]], None],
    sleep: Sleep = asyncio.sleep,
) -> T:
    """Return the result of the first attempt that succeeds, however long that takes.

    Args:
        attempt: makes one attempt.
        transient: the errors that are worth another attempt; any other is raised.
        passes: whether one of these is; it is raised where it is not.
        backoff: the waits between attempts.
        on_failure: called before each wait, for logs and metrics.
        sleep: waits for some seconds.
    """
    number, wait_s = 1, backoff.first_s
    while True:
        try:
            return await attempt()
        except transient as error:
            if not passes(error):
                raise
            on_failure(Failure(error, number, wait_s))
        await sleep(wait_s)
        number, wait_s = number + 1, min(2 * wait_s, backoff.longest_s)
