"""`touchline simulate`: writes a realistic stream of touchpoints, and what it truly holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from touchline.simulate import write_simulation
from touchline.simulate.identities import write_identities
from touchline.simulate.identities.unit import MIN_DAYS
from touchline.simulate.stream import period_of
from touchline.terminal import say

SHOP_DAYS, YEAR_DAYS = 60, 365


@click.command()
@click.option("--customers", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--days", default=None, type=click.IntRange(min=1), help="By default 60; with --identities 365.")
@click.option("--seed", default=1, show_default=True, type=int, help="The same seed gives the same stream.")
@click.option(
    "--out",
    required=True,
    metavar="FILE.jsonl",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
)
@click.option(
    "--end",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day the stream ends, UTC. By default 2026-01-01.",
)
@click.option(
    "--mishaps",
    default=0,
    type=click.IntRange(min=0),
    help="So many steps are botched on purpose, and most of their customers ask then: FILE.truth.json names each.",
)
@click.option(
    "--identities",
    is_flag=True,
    help="People who come as several identities, in place of the shop's: who they are goes to FILE.people.jsonl, and "
    "whose each touchpoint is to FILE.owners.jsonl.",
)
@click.option(
    "--subject-only",
    is_flag=True,
    help="With --identities: refunds state their order alone, which workers take only if TOUCHLINE_SUBJECTS names "
    "orders, and the brand's answers their post alone.",
)
def command(  # noqa: PLR0913, PLR0917  # one for each option
    customers: int,
    days: int | None,
    seed: int,
    out: Path,
    end: datetime | None,
    mishaps: int,
    identities: bool,
    subject_only: bool,
) -> None:
    """Write a shop's stream of touchpoints to FILE.jsonl, and its truth to FILE.truth.json."""
    if subject_only and not identities:
        raise click.UsageError("--subject-only is an option of --identities; name both")
    if mishaps and identities:
        raise click.UsageError("--mishaps is an option of the shop; leave --identities out")
    end = end.replace(tzinfo=UTC) if end else None
    if not identities:
        write_simulation(customers, days or SHOP_DAYS, seed, out, end, mishaps)
    elif days is not None and days < MIN_DAYS:
        raise click.UsageError(
            f"--identities takes at least {MIN_DAYS} days, not {days}: some people return after months"
        )
    else:
        write_identities(customers, seed, period_of(days or YEAR_DAYS, end), out, subject_only=subject_only)
    also = [".truth.json", *([".people.jsonl", ".owners.jsonl"] if identities else [])]
    say(f"wrote {out} and {', '.join(str(out.with_suffix(suffix)) for suffix in also)}")
