"""`touchline publish`: sends touchpoints from JSON lines."""

from __future__ import annotations

from pathlib import Path

import click

from streams import settings
from touchline.publish.run import publish
from touchline.report.formatting import counted
from touchline.terminal import Steps, progress_console, say

REJECTED_STATUS = 2


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE.jsonl...",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.pass_context
def command(context: click.Context, files: tuple[Path, ...]) -> None:
    """Send touchpoints, one JSON object a line, in order of event time; `-` is standard input.

    Bad lines are named with their number and reason and written to FILE.jsonl.rejected; the good lines
    are sent. With any bad line the exit status is 2. Files are UTF-8, or gzip of it.
    """
    console = progress_console()
    with Steps(console) as steps:
        steps.begin("publishing")
        done = publish(settings.load(), files, console, steps.show)
    say(f"{counted(done.sent, 'touchpoint')} sent")
    if done.rejected:
        context.exit(REJECTED_STATUS)
