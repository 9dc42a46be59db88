"""The thread for blocking calls: one at a time, in order, and no hindrance to the end of the process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from streams.runtime.thread import DaemonThread

HANGS = """
import asyncio, threading
from streams.runtime.thread import DaemonThread

async def main():
    began = threading.Event()
    def hang():
        began.set()
        threading.Event().wait()
    call = asyncio.ensure_future(DaemonThread("test").run(hang))
    await asyncio.to_thread(began.wait)
    call.cancel()

asyncio.run(main())
print("ended")
"""


async def test_a_call_gives_its_result_or_its_error() -> None:
    thread = DaemonThread("test")

    assert await thread.run(lambda: 6 * 7) == 42
    with pytest.raises(ValueError, match="no number"):
        await thread.run(lambda: int("no number"))
    assert await thread.run(lambda: threading.current_thread().name) == "test"


async def test_calls_are_made_one_after_the_other_and_cancelled_ones_are_not_made() -> None:
    thread, gate, made = DaemonThread("test"), threading.Event(), list[str]()
    first = asyncio.ensure_future(thread.run(lambda: gate.wait(10)))
    second = asyncio.ensure_future(thread.run(lambda: made.append("second")))
    third = asyncio.ensure_future(thread.run(lambda: made.append("third")))
    await asyncio.sleep(0)

    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.set()
    await asyncio.gather(first, third)

    assert made == ["third"]


def test_a_process_ends_while_a_call_hangs() -> None:
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=20, check=False)

    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr
