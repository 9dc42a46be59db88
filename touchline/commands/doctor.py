"""`touchline doctor`: checks settings and connections, and says how to fix what is wrong."""

from __future__ import annotations

import click

from streams import settings
from touchline.doctor.run import run_checks
from touchline.errors import CommandError
from touchline.terminal import say


@click.command()
@click.option("--settings", "list_settings", is_flag=True, help="Only list all settings.")
def command(list_settings: bool) -> None:
    """Check settings, Kafka, topics, pseudonyms, ClickHouse, registry, ports, keys, files and scorer; change nothing.

    Exits with status 1 when something is wrong.
    """
    configured = settings.load()
    if list_settings:
        _list(configured)
        return
    say("ok       settings         TOUCHLINE_* variables hold")
    wrong = 0
    for check in run_checks(configured):
        wrong += not check.ok
        say(f"{'ok' if check.ok else 'PROBLEM':7}  {check.name:15}  {check.text}")
    if wrong:
        raise CommandError(f"{wrong} problem{'' if wrong == 1 else 's'} found")


def _list(configured: settings.Settings) -> None:
    values = configured.shown()
    for known in settings.documented():
        value = values[known.variable.removeprefix(settings.PREFIX).lower()]
        say(f"{known.variable}={'' if value is None else value}")
        say(f"    {known.meaning}")
