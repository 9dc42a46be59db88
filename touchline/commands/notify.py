"""`touchline notify`: delivers signals to people, by webhooks, Slack and mail."""

from __future__ import annotations

import asyncio

import click

from streams import settings
from touchline.errors import CommandError
from touchline.notify.run import run_notify
from touchline.notify.show import list_letters, try_targets
from touchline.terminal import say


@click.command()
@click.option("--try", "trial", is_flag=True, help="Send each target an example, say what became of it, and end.")
@click.option("--dead-letters", is_flag=True, help="List the signals that were given up, and end.")
@click.pass_context
def command(context: click.Context, trial: bool, dead_letters: bool) -> None:
    """Deliver follow-ups, and other signals if chosen, to the targets of the file in TOUCHLINE_NOTIFY.

    Each is delivered at least once, with the same id each time; what a target does not take for
    TOUCHLINE_NOTIFY_GIVE_UP_S goes to the topic signals.notify.dlq.v1. It ends on SIGTERM or Ctrl-C.
    """
    configured = settings.load()
    if trial and dead_letters:
        raise click.UsageError("--try and --dead-letters do not go together")
    if dead_letters:
        for line in asyncio.run(list_letters(configured)):
            say(line)
    elif trial:
        outcomes = asyncio.run(try_targets(configured))
        for outcome in outcomes:
            say(f"{outcome.target}: {outcome.problem or 'took the example'}")
        if failed := sum(bool(outcome.problem) for outcome in outcomes):
            raise CommandError(f"{failed} of {len(outcomes)} targets did not take it")
    else:
        context.exit(run_notify(configured))
