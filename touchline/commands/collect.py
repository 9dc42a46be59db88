"""`touchline collect`: takes touchpoints by HTTP, and publishes them."""

from __future__ import annotations

import click

from streams import settings
from touchline.collect.run import run_collector


@click.command()
@click.pass_context
def command(context: click.Context) -> None:
    """Take touchpoints by HTTP (POST /v1/touchpoints), check them, and publish them to Kafka.

    What it answers as accepted, Kafka has acknowledged. It listens on this machine alone, unless
    TOUCHLINE_COLLECT_HOST and TOUCHLINE_COLLECT_KEYS say otherwise. It ends on SIGTERM or Ctrl-C.
    """
    context.exit(run_collector(settings.load()))
