"""Fuzzing finds what it is there to find: planted faults of every sort, and nothing in a target without one."""

from __future__ import annotations

import mmap
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from typing_extensions import override

from tests.fuzz import __main__ as program
from tests.fuzz.measure import GROWTH_BYTES, Budget, Result, fuzz, input_of, run_input
from tests.fuzz.processes import fuzz_apart
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.targets import TARGETS

BUDGET = Budget(inputs=300)
PLANTED = 40
"""The number of the input that a planted fault waits for."""


class Harmless(Target):
    """Takes inputs of eight random bytes, and refuses every fourth."""

    documented = (KeyError,)

    def __init__(self) -> None:
        self.run = 0
        self.planted = input_of(self, 1, PLANTED)

    @override
    def make(self, rng: random.Random) -> bytes:
        return rng.randbytes(8)

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        yield CPU_MS
        self.run += 1
        if self.run % 4 == 0:
            raise KeyError(data)
        if data == self.planted:
            self.strike(data)

    def strike(self, data: bytes) -> None:
        """Do what is planted."""


class Unforeseen(Harmless):
    @override
    def strike(self, data: bytes) -> None:
        data.decode("utf-32")


class Wrong(Harmless):
    @override
    def strike(self, data: bytes) -> None:
        assert data == b"another", "not what was promised"


class Slow(Harmless):
    @override
    def strike(self, data: bytes) -> None:
        burn(5 * CPU_MS)


class SlowOnce(Harmless):
    burnt = False

    @override
    def strike(self, data: bytes) -> None:
        if not self.burnt:
            self.burnt = True
            burn(5 * CPU_MS)


class Large(Harmless):
    @override
    def strike(self, data: bytes) -> None:
        assert len(b"\1" * (200 << 20)) > len(data)


class Leaking(Harmless):
    """Keeps a kilobyte of each input."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[bytes] = []

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        yield CPU_MS
        self.kept.append(data * 128)


class GrownOnce(Harmless):
    """Keeps a lot of one input among the last, as a table does that becomes larger."""

    kept = b""

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        yield CPU_MS
        self.run += 1
        if self.run == 290:
            self.kept = bytes(4 * GROWTH_BYTES)


class LeakingApart(Harmless):
    """Keeps memory that is no Python object's, of one input or of each."""

    def __init__(self, *, once: bool) -> None:
        super().__init__()
        self.once = once
        self.kept: list[mmap.mmap] = []

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        yield 1_000.0  # what new pages cost is the kernel's, and more on a busy machine
        if not self.once or (data == self.planted and not self.kept):
            # Less than one input may take for a moment, and more than many may leave.
            parts = 60 if self.once else 4
            self.kept.append(mmap.mmap(-1, parts << 20))
            for _ in range(parts):
                self.kept[-1].write(bytes(1 << 20))


class Deadly(Harmless):
    @override
    def strike(self, data: bytes) -> None:
        os._exit(7)


class Endless(Harmless):
    @override
    def strike(self, data: bytes) -> None:
        while True:
            time.sleep(0.01)


def burn(ms: float) -> None:
    """Take CPU time."""
    began = time.process_time()
    while time.process_time() - began < ms / 1000:
        pass


def fault_of(result: Result) -> tuple[int | None, str]:
    assert result.fault is not None
    return result.fault.number, result.fault.what


def test_a_target_without_a_fault_has_none() -> None:
    result = fuzz(Harmless(), 1, BUDGET)
    assert result.fault is None
    assert (result.inputs, result.refused) == (300, 75)
    assert result.grown < GROWTH_BYTES


def test_an_undocumented_error_is_found_with_its_input() -> None:
    result = fuzz(Unforeseen(), 1, BUDGET)
    number, what = fault_of(result)
    assert number == PLANTED
    assert "UnicodeDecodeError" in what
    assert "in strike" in what, "says where"
    assert result.fault is not None
    assert result.fault.data == Unforeseen().planted


def test_a_promise_that_does_not_hold_is_found() -> None:
    number, what = fault_of(fuzz(Wrong(), 1, BUDGET))
    assert (number, "not what was promised" in what) == (PLANTED, True)


def test_a_slow_input_is_found() -> None:
    number, what = fault_of(fuzz(Slow(), 1, BUDGET))
    assert (number, "ms of CPU" in what) == (PLANTED, True)


def test_an_input_that_was_slow_once_is_not_a_fault() -> None:
    assert fuzz(SlowOnce(), 1, BUDGET).fault is None


def test_an_input_that_takes_much_memory_is_found() -> None:
    number, what = fault_of(fuzz_apart(Large, 1, BUDGET))
    assert (number, "MiB of memory" in what) == (PLANTED, True)


def test_a_leak_is_found_with_its_place() -> None:
    number, what = fault_of(fuzz(Leaking(), 1, Budget(inputs=2_000)))
    assert number is None
    assert "memory grows" in what
    assert Path(__file__).name in what


def test_memory_that_grew_once_is_no_leak() -> None:
    result = fuzz(GrownOnce(), 1, BUDGET)
    assert result.fault is None
    assert result.inputs > 300, "it looked again"


def test_memory_that_is_no_objects_is_found_if_it_goes_on_growing() -> None:
    number, what = fault_of(fuzz_apart(lambda: LeakingApart(once=False), 1, Budget(inputs=60)))
    assert number is None
    assert "the process has grown by" in what
    assert fuzz_apart(lambda: LeakingApart(once=True), 1, Budget(inputs=60)).fault is None


def test_an_input_that_ends_the_process_is_found() -> None:
    result = fuzz_apart(Deadly, 1, BUDGET)
    assert fault_of(result) == (PLANTED, "the process has ended with exit code 7")
    assert result.fault is not None
    assert result.fault.data == Deadly().planted


def test_an_input_that_never_ends_is_found() -> None:
    assert fault_of(fuzz_apart(Endless, 1, BUDGET, hang_s=1.0)) == (PLANTED, "it has not ended after 1 s")


@pytest.mark.parametrize("name", TARGETS)
def test_an_input_can_be_made_again(name: str) -> None:
    assert [input_of(TARGETS[name](), 5, number) for number in range(9)] == [
        input_of(TARGETS[name](), 5, number) for number in range(9)
    ]


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_are_of_both_sorts_and_run(name: str) -> None:
    target = TARGETS[name]()
    refused = (run_input(target, input_of(target, 5, number))[1] for number in range(40))
    assert not all(refused)  # up to the first that is taken


def test_a_fault_is_kept_in_a_file_and_ends_the_program_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "FOUND", tmp_path / "found")
    monkeypatch.setattr(program, "TARGETS", {"planted": Unforeseen, "harmless": Harmless})
    told = CliRunner().invoke(program.main, ["--inputs", "100", "--seed", "1"])
    assert told.exit_code == 1
    kept = tmp_path / "found" / f"planted-1-{PLANTED}"
    assert kept.read_bytes() == Unforeseen().planted
    assert "planted, seed 1: an error that is not documented" in told.output
    assert f"--only planted --again {kept}" in told.output
    assert Unforeseen().planted.hex() in told.output


def test_without_a_fault_the_program_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "TARGETS", {"harmless": Harmless})
    assert CliRunner().invoke(program.main, ["--inputs", "100"]).exit_code == 0
