"""The console command `touchline`: loads the command that was asked for, and explains errors."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from importlib.metadata import version
from types import TracebackType

import click

from schemas.text import printable_lines

_OTHERS = 0o077
"""What group and others may do with a file; they may do none of it with what touchline makes."""
INTERRUPTED_STATUS = 130
"""The exit status that shells give for a program that Ctrl-C ended."""

COMMANDS: dict[str, str] = {
    "demo": "Run everything on this machine, from touchpoints to a report. Start here.",
    "up": "Run the same stack as the demo, until Ctrl-C.",
    "worker": "Run the stream workers against the configured Kafka.",
    "sink": "Run the ClickHouse writers.",
    "publish": "Send touchpoints from JSON lines.",
    "collect": "Take touchpoints by HTTP, and publish them.",
    "notify": "Deliver signals to people: webhooks, Slack, e-mail.",
    "simulate": "Write a realistic stream of touchpoints, and what it truly holds.",
    "query": "Ask the tables, embedded or on a server.",
    "page": "Serve the page that people look at: customers, journeys, what is odd.",
    "migrate": "Create the tables, or bring them up to date.",
    "topics": "List, create or check the topics.",
    "rebuild": "Compute everything anew from the input topics, also with more partitions.",
    "train-topics": "Learn from texts what customers speak about, beside the word lists.",
    "train-sentiment": "Learn from texts how customers praise and complain, beside the rules.",
    "schemas": "List the records that producers send; show an example, check a message.",
    "identity": "Tell whose an identity is and why; link two, or part them.",
    "erase": "Erase a customer, prove it, and say what ends in Kafka when.",
    "dlq": "List refused messages, or send them again.",
    "doctor": "Check settings and connections; say what is wrong and how to fix it.",
}
"""Every command and its line of help: listing them loads none of their modules."""


class Commands(click.Group):
    """A group whose commands are loaded when called: `touchline.commands.<name>.command`, with `_` for `-`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"touchline.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from `COMMANDS`."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; an expected error becomes its message and exit status 1."""
        importlib.import_module("touchline.terminal").quiet_libraries()
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED_STATUS)
        except click.ClickException as error:
            error.message = printable_lines(error.message)
            raise
        except Exception as error:
            message = _explain(error)
            if message is None:
                raise
            raise click.ClickException(message) from error


def _explain(error: Exception) -> str | None:
    # Loaded only now: it imports the clients of Kafka and ClickHouse, for which `--help` must not wait.
    message: str | None = importlib.import_module("touchline.errors").explain(error)
    return message


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"touchline {version('touchline')}")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Turn what customers do and say into their journeys, as it happens.

    Settings come from TOUCHLINE_* variables; `touchline doctor` lists and checks them.
    """


def _print_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error that nobody expected as Python does; its message may quote text from outside."""
    sys.stderr.write(printable_lines("".join(traceback.format_exception(kind, error, trace))))


def main() -> None:
    """Run the console command; what it writes is for its user alone, whatever the umask: it tells of customers."""
    os.umask(os.umask(_OTHERS) | _OTHERS)
    sys.excepthook = _print_bug
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark rather than a crash.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # both are text files
    cli(prog_name="touchline")
