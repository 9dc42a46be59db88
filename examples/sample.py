"""Regenerate the sample that ships with touchline: 45 days of Harbour Coffee, a small online shop.

Parcels to the coast and the islands go by another carrier for fifteen days, and many do not arrive.
Some customers who wait on hold after a failed delivery turn sour; a few are won back by a voucher or a
call. The same command always gives the same bytes:

    python -m examples.sample
"""

from __future__ import annotations

from pathlib import Path

import click

import touchline
from touchline.simulate import write_simulation

SAMPLE = Path(touchline.__file__).with_name("sample.jsonl")
CUSTOMERS, DAYS, SEED = 190, 45, 2


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=SAMPLE, show_default=True)
def main(out: Path) -> None:
    """Write the sample, and its truth beside it."""
    write_simulation(CUSTOMERS, DAYS, SEED, out)
    click.echo(f"wrote {out} and {out.with_suffix('.truth.json')}")


if __name__ == "__main__":
    main()
