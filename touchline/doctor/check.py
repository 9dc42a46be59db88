"""What one check found, and how faults become lines: one for the same advice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Check:
    """What one check found. `text` says it, and how to fix it when it is not `ok`."""

    name: str
    ok: bool
    text: str


class Fault(NamedTuple):
    """What is wrong, and where; and what to do."""

    what: str
    advice: str


def problems(name: str, faults: Iterable[Fault]) -> list[Check]:
    """Return the checks that tell of faults: one for all that have the same advice."""
    by_advice: dict[str, list[str]] = {}
    for fault in faults:
        by_advice.setdefault(fault.advice, []).append(fault.what)
    return [Check(name, False, f"{'; '.join(dict.fromkeys(whats))}: {advice}") for advice, whats in by_advice.items()]
