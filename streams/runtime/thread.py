"""A thread for calls that block, which does not keep the process alive when one of them hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonThread:
    """Makes one call after the other.

    Python waits for the threads of an executor before it ends the process. It does not wait for this one: a call that
    is under way then is cut off.
    """

    def __init__(self, name: str) -> None:
        """Start the thread; `name` is for people who debug it."""
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        Thread(target=self._run, name=name, daemon=True).start()

    async def run(self, call: Callable[[], T]) -> T:
        """Return the result of a call, or raise its error; a call that is cancelled before its turn is not made."""
        future: Future[T] = Future()
        self._calls.put((future, call))
        return await asyncio.wrap_future(future)

    def _run(self) -> None:
        while True:
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # whoever awaits the call gets it
                future.set_exception(error)
            else:
                future.set_result(result)
