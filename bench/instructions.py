"""Instructions of Python that an event takes by stage: the same whoever else uses the machine, as times are not.

    python -m bench.instructions            # beside what was recorded
    python -m bench.instructions --record   # after a change that is meant

What is recorded in `instructions.json` goes with the commit that changes it. C extensions are not seen: msgspec's
encoding, ClickHouse's and Kafka's clients.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import click

from bench.stages import measure_stages
from touchline.simulate import write_simulation

RECORDED = Path(__file__).with_name("instructions.json")
CUSTOMERS, DAYS, SEED = 12, 15, 1


class Counter:
    """Counts the instructions that run while it is in use: `count` is how many there were so far."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Counter:
        """Begin to count."""
        self._before = sys.gettrace()
        sys.settrace(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        sys.settrace(self._before)

    def _see(self, frame: FrameType, event: str, _argument: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            self.count += 1
        return self._see


def count_instructions() -> dict[str, float]:
    """Return the instructions an event of each stage, on the same simulated events each time."""
    with tempfile.TemporaryDirectory(prefix="touchline-instructions-") as folder:
        lines = Path(folder) / "events.jsonl"
        write_simulation(CUSTOMERS, DAYS, SEED, lines)
        with Counter() as counter:
            costs = measure_stages(lines, 2, lambda: counter.count)
    # The first round makes what later ones find: decoders, the regular expressions, numbering plans.
    return {stage: round(cost, 1) for stage, (_, cost) in costs.items()}


def read_recorded() -> tuple[str, dict[str, float]]:
    """Return the version of Python of the recorded counts, and these."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    return recorded["python"], recorded["instructions an event"]


def this_python() -> str:
    """Return the version of Python, major and minor: each has instructions of its own."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@click.command()
@click.option("--record", is_flag=True, help="Write the counts down.")
def main(record: bool) -> None:
    """Count the instructions an event, and show them beside what was recorded."""
    counts = count_instructions()
    if record:
        told = {"python": this_python(), "instructions an event": counts}
        RECORDED.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    python, recorded = read_recorded()
    print(f"instructions of Python {this_python()} an event, and as recorded with {python}")
    for stage, count in counts.items():
        print(f"  {stage:<40} {count:9,.1f} {recorded.get(stage, 0):9,.1f}")


if __name__ == "__main__":
    main()
