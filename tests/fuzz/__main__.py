"""`python -m tests.fuzz`: fuzzes every place where bytes of others come in; exit code 1 if it finds a fault."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from tests.fuzz.measure import Budget, Fault, Result, input_of, run_input
from tests.fuzz.processes import fuzz_apart
from tests.fuzz.targets import TARGETS

FOUND = Path("build/fuzz")
"""Where an input that is a fault is kept."""
SHOWN_BYTES = 120
_HEAD = f"{'target':<10} {'inputs':>9} {'taken':>6} {'inputs/s':>9} {'dearest':>10} {'allowed':>9} {'growth':>9}"


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long, for all targets together.")
@click.option("--inputs", type=click.IntRange(min=1), help="The most inputs of each target.")
@click.option("--seed", default=1, show_default=True, help="Decides the inputs.")
@click.option("--only", "names", multiple=True, type=click.Choice(list(TARGETS)), help="Only these targets.")
@click.option("--again", type=click.Path(exists=True, path_type=Path), help="Run this input of one target again.")
def main(seconds: float, inputs: int | None, seed: int, names: tuple[str, ...], again: Path | None) -> None:
    """Send random inputs, most of them nearly valid, to every place where bytes of others come in."""
    if again is not None:
        if len(names) != 1:
            raise click.UsageError("--again needs --only, once: the target that the input is of")
        cost, refused = run_input(TARGETS[names[0]](), again.read_bytes())
        click.echo(f"{cost.ms:.2f} of {cost.allowed_ms:g} ms of CPU; {'refused' if refused else 'taken'}")
        return
    chosen = names or tuple(TARGETS)
    budget = Budget(seconds / len(chosen), inputs or float("inf"))
    click.echo(f"seed {seed}, {budget.seconds:.1f} s a target")
    click.echo(_HEAD)
    results = {}
    for name in chosen:
        results[name] = fuzz_apart(TARGETS[name], seed, budget)
        click.echo(_line(name, results[name]))
    click.echo(f"{sum(result.inputs for result in results.values()):,} inputs")
    faults = [(name, result.fault) for name, result in results.items() if result.fault is not None]
    _tell(faults, seed)
    sys.exit(1 if faults else 0)


def _line(name: str, result: Result) -> str:
    taken = (result.inputs - result.refused) / max(1, result.inputs)
    return (
        f"{name:<10} {result.inputs:>9,} {taken:>6.0%} {result.inputs / max(1e-9, result.seconds):>9,.0f} "
        f"{result.dearest.ms:>7.2f} ms {result.dearest.allowed_ms:>6.0f} ms {result.grown / 1024:>6.1f} KiB"
    )


def _tell(faults: Iterable[tuple[str, Fault]], seed: int) -> None:
    for name, fault in faults:
        click.echo(f"\n{name}, seed {seed}: {fault.what}")
        if fault.number is None:
            continue
        FOUND.mkdir(parents=True, exist_ok=True)
        file = FOUND / f"{name}-{seed}-{fault.number}"
        file.write_bytes(fault.data or input_of(TARGETS[name](), seed, fault.number))
        shown = fault.data[:SHOWN_BYTES].hex() + ("..." if len(fault.data) > SHOWN_BYTES else "")
        click.echo(f"input {fault.number}, {len(fault.data)} bytes: {shown}")
        click.echo(f"again: python -m tests.fuzz --only {name} --again {file}")


if __name__ == "__main__":
    main()
