"""Runs targets, each in a process of its own, so that an input that ends or stops the process is found as well."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from tests.fuzz.measure import Budget, Fault, Result, fuzz
from tests.fuzz.target import Target

HANG_S = 60.0
"""Seconds by the clock after which an input that has not ended counts as one that never does."""
_LOOK_S = 0.2
_HEAD = struct.Struct("=qq")
_NOTEBOOK_BYTES = 32 << 20

# The children are forked after all imports. An input that ends one must not end us.
_processes = multiprocessing.get_context("fork")


class _Notebook:
    """Memory that two processes share: the input that one of them runs."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _NOTEBOOK_BYTES)
        _HEAD.pack_into(self._memory, 0, -1, 0)

    def write(self, number: int, data: bytes) -> None:
        kept = data[: _NOTEBOOK_BYTES - _HEAD.size]
        self._memory[_HEAD.size : _HEAD.size + len(kept)] = kept
        _HEAD.pack_into(self._memory, 0, number, len(kept))

    def read(self) -> tuple[int, bytes]:
        """Return the input that was written last, and its number; -1 before the first."""
        number, size = _HEAD.unpack_from(self._memory, 0)
        return number, self._memory[_HEAD.size : _HEAD.size + size]


def fuzz_apart(make: Callable[[], Target], seed: int, budget: Budget, hang_s: float = HANG_S) -> Result:
    """Do what `measure.fuzz` does in a process of its own; that it ends, or an input does not, is a fault too.

    Args:
        make: returns the target.
        seed: decides the inputs.
        budget: how long.
        hang_s: seconds by the clock after which an input is taken for one that never ends.
    """
    notebook, (ours, theirs) = _Notebook(), _processes.Pipe(duplex=False)
    sys.stdout.flush()
    process = _processes.Process(target=_fuzz, args=(make, seed, budget, notebook, theirs), daemon=True)
    process.start()
    theirs.close()
    began = time.monotonic()
    try:
        result = _await(ours, notebook, hang_s)
    finally:
        if process.is_alive():
            process.join(_LOOK_S)
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
        process.join()
    if isinstance(result, Result):
        return result
    number, data = notebook.read()
    what = result or f"the process has ended with exit code {process.exitcode}"
    return Result(number + 1, 0, time.monotonic() - began, fault=Fault(what, number if number >= 0 else None, data))


def _fuzz(make: Callable[[], Target], seed: int, budget: Budget, notebook: _Notebook, to: Connection) -> None:
    to.send(fuzz(make(), seed, budget, notebook.write))


def _await(result: Connection, notebook: _Notebook, hang_s: float) -> Result | str:
    """Return the other process's result; why there is none, or "" where it has ended."""
    number, since = -1, time.monotonic()
    while not result.poll(_LOOK_S):
        if (now_at := notebook.read()[0]) != number:
            number, since = now_at, time.monotonic()
        elif time.monotonic() - since > hang_s:
            return f"it has not ended after {hang_s:g} s"
    try:
        received: Result = result.recv()
    except EOFError:
        return ""
    return received
