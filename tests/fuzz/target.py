"""What is fuzzed: a place where bytes of others come in, the inputs that are made for it, and what it may cost."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

CPU_MS = 20.0
"""CPU time that a step of an input may take, ms; a target whose steps need more says why."""


class Target(ABC):
    """One place where bytes come in. A process makes its own, so that it may start a server.

    Attributes:
        documented: the errors that an input may raise; every other is a fault, an AssertionError too.
    """

    documented: ClassVar[tuple[type[Exception], ...]] = ()

    @abstractmethod
    def make(self, rng: random.Random) -> bytes:
        """Return an input; equal states of `rng` give equal ones."""

    @abstractmethod
    def steps(self, data: bytes) -> Iterator[float]:
        """Run an input: what lies between one yield and the next is measured, and what is before the first is not.

        Yields:
            the CPU time, ms, that the step behind it may take.
        """
