"""Retry with backoff: how often it tries, how long it waits, and what it raises at once."""

from __future__ import annotations

import pytest

from streams.runtime.retry import Backoff, Failure, retry


class Flaky:
    """Fails with each of its errors in turn, then answers; it notes waits and failures."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.waits: list[float] = []
        self.failures: list[Failure[OSError]] = []

    async def attempt(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def run(self) -> str:
        return await retry(
            self.attempt,
            transient=OSError,
            backoff=Backoff(first_s=1, longest_s=5),
            on_failure=self.failures.append,
            sleep=self.sleep,
        )


async def test_a_first_attempt_that_succeeds_waits_for_nothing() -> None:
    flaky = Flaky()
    assert await flaky.run() == "answer"
    assert (flaky.waits, flaky.failures) == ([], [])


async def test_waits_double_up_to_the_longest() -> None:
    flaky = Flaky(*(OSError(number) for number in range(5)))
    assert await flaky.run() == "answer"
    assert flaky.waits == [1, 2, 4, 5, 5]


async def test_each_failure_is_told_with_its_number_and_the_wait_after_it() -> None:
    errors = [OSError("one"), OSError("two")]
    flaky = Flaky(*errors)
    await flaky.run()
    assert flaky.failures == [Failure(errors[0], 1, 1), Failure(errors[1], 2, 2)]


async def test_an_error_that_is_not_transient_is_raised_at_once() -> None:
    flaky = Flaky(OSError(), ValueError("for good"))
    with pytest.raises(ValueError, match="for good"):
        await flaky.run()
    assert flaky.waits == [1]
