"""Runs the inputs of one target, and looks at their errors, their CPU time and what they leave in memory."""

from __future__ import annotations

import gc
import random
import resource
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from traceback import format_exception
from typing import NamedTuple

from tests.fuzz.pace import slowness
from tests.fuzz.target import CPU_MS, Target

REPEATS = 2
"""How often an input that was slow is run again before it counts: the machine does other work, too."""
BLOAT_BYTES = 96 << 20
"""By how much one input may raise the most memory that the process ever took."""
GROWTH_BYTES = 96 << 10
"""By how much many inputs may raise what Python's objects take, once all caches are warm."""
RESIDENT_BYTES = 48 << 20
"""The same of the process as a whole, which its allocator's gaps blur."""
_WARM = 0.3
"""The part of a run after which caches are warm."""
_TIMED = 0.75
"""The part of a run in which CPU time is measured; in the rest memory is, which makes everything slower."""
_FRAMES = 6
_TOP = 5

Note = Callable[[int, bytes], None]
"""Is told each input before it runs, with its number: whoever looks on knows it, whatever becomes of this process."""


class Budget(NamedTuple):
    """How long a target is fuzzed: until its seconds are over, or so many inputs have been run."""

    seconds: float = float("inf")
    inputs: float = float("inf")


class Cost(NamedTuple):
    """CPU time that the dearest step of an input took, and that it may take, ms: dearest by what it may take."""

    ms: float = 0.0
    allowed_ms: float = CPU_MS

    @property
    def part(self) -> float:
        """What it took of what it may take."""
        return self.ms / self.allowed_ms


NO_COST = Cost()


@dataclass
class Fault:
    """What was found.

    Attributes:
        what: what is wrong, for a person.
        number: of the input, from 0; None where it is not one input's fault.
        data: the input.
    """

    what: str
    number: int | None = None
    data: bytes = b""


@dataclass
class Result:
    """What came of a run.

    Attributes:
        inputs: how many were run; `refused` of them raised a documented error.
        seconds: how long it took, by the clock.
        dearest: the step of an input that took most of what it may take.
        grown: bytes of Python's objects that the inputs of the last part have left.
        resident: bytes by which the process grew while CPU time was measured.
        fault: the first one; it ends the run.
    """

    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    dearest: Cost = NO_COST
    grown: int = 0
    resident: int = 0
    fault: Fault | None = None


def input_of(target: Target, seed: int, number: int) -> bytes:
    """Return the input with a number, from 0; it depends on nothing but the target and the seed."""
    return target.make(random.Random(f"{seed}/{type(target).__name__}/{number}"))


def run_input(target: Target, data: bytes) -> tuple[Cost, bool]:
    """Run an input; return what its dearest step cost, and whether it raised a documented error."""
    steps, dearest = target.steps(data), NO_COST
    try:
        allowed_ms = next(steps, None)
        while allowed_ms is not None:
            began = time.process_time_ns()
            try:
                following = next(steps, None)
            finally:
                cost = Cost((time.process_time_ns() - began) / 1e6, allowed_ms)
                dearest = max(dearest, cost, key=_part)
            allowed_ms = following
    except target.documented:
        return dearest, True
    return dearest, False


def _part(cost: Cost) -> float:
    return cost.part


def fuzz(target: Target, seed: int, budget: Budget, note: Note = lambda _number, _data: None) -> Result:
    """Run random inputs of a target until the budget is used up or a fault is found."""
    return _Run(target, seed, budget, note).result()


@dataclass
class _Run:
    target: Target
    seed: int
    budget: Budget
    note: Note
    found: Result = field(default_factory=Result)
    began: float = field(default_factory=time.monotonic)

    def result(self) -> Result:
        while self._used() < _WARM * _TIMED and self._goes_on(timed=True):
            pass
        gc.collect()
        first, before = self.found.inputs, _resident()
        while self._used() < _TIMED and self._goes_on(timed=True):
            pass
        gc.collect()
        self.found.resident = _resident() - before
        if self.found.resident > RESIDENT_BYTES and self.found.fault is None:
            self.found.resident = self._grown_again(range(first, self.found.inputs))
        self._watch_memory()
        self.found.seconds = time.monotonic() - self.began
        return self.found

    def _grown_again(self, numbers: Iterable[int]) -> int:
        """Return by how much the process grows by inputs that it has run before.

        Once may be the allocator's gaps behind the first large ones, where a run has few inputs. A leak goes on.
        """
        before = _resident()
        for number in numbers:
            run_input(self.target, input_of(self.target, self.seed, number))
        gc.collect()
        return _resident() - before

    def _used(self) -> float:
        """Return which part of the budget is used up."""
        return max((time.monotonic() - self.began) / self.budget.seconds, self.found.inputs / self.budget.inputs)

    def _goes_on(self, *, timed: bool) -> bool:
        """Run the next input; return whether no fault has been found."""
        number = self.found.inputs
        data = input_of(self.target, self.seed, number)
        self.note(number, data)
        what = self._run(data, timed=timed)
        self.found.inputs += 1
        if what:
            self.found.fault = Fault(what, number, data)
        return not what

    def _run(self, data: bytes, *, timed: bool) -> str:
        """Run an input; return what is wrong with it, "" for nothing."""
        most = _most_resident()
        try:
            cost, refused = run_input(self.target, data)
            if timed and cost.part > 1:
                cost = self._cost_again(data)
        except Exception as error:  # whatever it is: to find it is what this is for
            return "an error that is not documented:\n" + "".join(format_exception(error)[-_FRAMES:])
        self.found.refused += refused
        grown = _most_resident() - most
        if grown > BLOAT_BYTES and timed:
            return f"it takes {grown >> 20} MiB of memory"
        if timed:
            self.found.dearest = max(self.found.dearest, cost, key=_part)
            if cost.part > 1:
                took = f"{cost.ms:.1f} ms of CPU at the pace of a quiet machine, at best of {REPEATS}"
                return f"it takes {took}; allowed are {cost.allowed_ms:g}"
        return ""

    def _cost_again(self, data: bytes) -> Cost:
        """Run an input again; return what it costs at least, on a machine as fast as the reference."""
        costs = []
        for _ in range(REPEATS):
            cost = run_input(self.target, data)[0]
            costs.append(cost._replace(ms=cost.ms / slowness()))
        return min(costs, key=_part)

    def _watch_memory(self) -> None:
        """Run the last part of the inputs, and find out what they leave in memory."""
        if self.found.fault is not None:
            return
        tracemalloc.start()
        try:
            while self._used() < _TIMED + _WARM * (1 - _TIMED) and self._goes_on(timed=False):
                pass
            first = self.found.inputs
            before = self._run_on(lambda: self._used() < 1)
            if self.found.fault is None and self.found.grown > GROWTH_BYTES:
                # Once may be the interpreter's doing, whose table of names became larger. A leak goes on.
                until = 2 * self.found.inputs - first
                before = self._run_on(lambda: self.found.inputs < until)
            if self.found.fault is None:
                self.found.fault = self._growth(before)
        finally:
            tracemalloc.stop()

    def _run_on(self, more: Callable[[], bool]) -> tracemalloc.Snapshot:
        """Run inputs and measure what they leave; return what was there before."""
        gc.collect()
        # The snapshot's own objects are traced as well: what is there is counted behind it.
        before = tracemalloc.take_snapshot()
        held = tracemalloc.get_traced_memory()[0]
        while more() and self._goes_on(timed=False):
            pass
        gc.collect()
        self.found.grown = tracemalloc.get_traced_memory()[0] - held
        return before

    def _growth(self, before: tracemalloc.Snapshot) -> Fault | None:
        if self.found.grown > GROWTH_BYTES:
            compared = tracemalloc.take_snapshot().compare_to(before, "lineno")
            where = "\n".join(f"  {one}" for one in compared[:_TOP])
            return Fault(f"memory grows: by {self.found.grown} bytes over many inputs, most of it here:\n{where}")
        if self.found.resident > RESIDENT_BYTES:
            return Fault(f"the process has grown by {self.found.resident >> 20} MiB over many inputs")
        return None


def _resident() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _most_resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
