"""`touchline schemas`: lists the records that producers send, shows and registers their schemas, checks a message."""

from __future__ import annotations

import binascii
import json
import sys
from pathlib import Path

import click

from schemas.avro.registry import TIMEOUT_S, open_registry
from schemas.avro.registry_client import RegistryClient
from schemas.errors import RefusalError
from schemas.kinds import KINDS
from streams import settings
from streams.identity.identities import Identities
from streams.runtime.clock import wall_clock
from touchline.errors import CommandError
from touchline.records.check import Checker, described
from touchline.records.examples import example_json, example_message
from touchline.records.json_schema import json_schema
from touchline.records.listing import kind_named, record_versions, schema_named
from touchline.records.registering import STRATEGIES, Strategy, register_schema, subjects_of
from touchline.terminal import say

STDIN = "-"


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the records of the inputs; show a schema, an example message; check a message; register the schemas.

    Without a further word, lists the records in force.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_records)


@command.command("list")
@click.option("--all", "every", is_flag=True, help="Earlier versions too.")
def list_records(every: bool = False) -> None:
    """List records, topics, versions, and the bytes with which a message of each begins."""
    found = record_versions(settings.load().inputs, every=every)
    say(f"{'record':15}  {'version':>7}  {'message begins with':20}  topic")
    for one in found:
        say(f"{one.record:15}  {one.version:>7}  {one.header.hex():20}  {one.topic}")


@command.command()
@click.argument("name")
@click.option(
    "--format",
    "output_format",
    default="avro",
    show_default=True,
    type=click.Choice(["avro", "json-schema"]),
    help="json-schema is for producers of JSON: draft 7, of inputs alone.",
)
def show(name: str, output_format: str) -> None:
    """Print the schema in force of a record, kind or topic."""
    inputs = settings.load().inputs
    schema = schema_named(name, inputs) if output_format == "avro" else json_schema(kind_named(name, inputs))
    for line in json.dumps(schema, indent=2, ensure_ascii=False).splitlines():
        say(line)


@command.command()
@click.argument("name")
@click.option(
    "--format",
    "output_format",
    default="json",
    show_default=True,
    type=click.Choice(["json", "hex", "avro"]),
    help="json as `publish` takes it; hex and avro are the bytes of a message in Avro single-object encoding.",
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file, exactly as it is."
)
def example(name: str, output_format: str, output: Path | None) -> None:
    """Print an example message of a record, kind or topic."""
    kind = kind_named(name, settings.load().inputs)
    message = example_json(kind).encode() if output_format == "json" else example_message(kind)
    if output_format == "hex":
        message = binascii.hexlify(message)
    if output is not None:
        output.write_bytes(message)
    elif output_format == "avro":
        if sys.stdout.isatty():
            raise click.UsageError("a terminal cannot show a message's bytes: name a file by --output, or pipe them")
        click.get_binary_stream("stdout").write(message)
    else:
        say(message.decode())


@command.command()
@click.argument("names", nargs=-1)
@click.option(
    "--subjects",
    default="topic",
    show_default=True,
    type=click.Choice(list(STRATEGIES)),
    help="What subjects are named by: topic-value, record, or topic-record.",
)
def register(names: tuple[str, ...], subjects: Strategy) -> None:
    """Register the schemas in force with the schema registry (TOUCHLINE_SCHEMA_REGISTRY), and print their ids.

    NAMES are records, kinds or topics; by default all inputs. What is registered already keeps its id.
    """
    configured = settings.load()
    url, inputs = configured.schema_registry, configured.inputs
    if url is None:
        raise CommandError("there is no schema registry: set TOUCHLINE_SCHEMA_REGISTRY to its address")
    client = RegistryClient(url, TIMEOUT_S)
    for kind in dict.fromkeys(kind_named(name, inputs) for name in names) or KINDS:
        for subject in subjects_of(kind, subjects, inputs):
            say(f"id {register_schema(client, subject, schema_named(kind)):>6}  {subject}")
    if subjects == "topic" and (shared := [topic for topic in inputs if inputs.only_kind(topic) is None]):
        say(f"{', '.join(shared)}: several kinds, so no subject; see --subjects record", err=True)


@command.command()
@click.argument("file", default=STDIN, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--hex", "in_hex", is_flag=True, help="The file holds the message's bytes in hexadecimal.")
@click.option("--kind", help="The kind, record or topic that it is for; by default what it states.")
def check(file: Path, in_hex: bool, kind: str | None) -> None:
    """Check one message as the workers would, and say what it is or why they would refuse it.

    The message is read from FILE, or from standard input: Avro in either framing, or JSON.
    Exits with status 1 when it would be refused.
    """
    configured = settings.load()
    data = sys.stdin.buffer.read() if str(file) == STDIN else file.read_bytes()
    if in_hex:
        data = _from_hex(data)
    identities = Identities(configured.phone_region, configured.placeholder_patterns)
    scorer = configured.scorer_for(configured.company_names)
    checker = Checker(open_registry(configured.schema_registry), scorer, identities)
    expected = None if kind is None else kind_named(kind, configured.inputs)
    try:
        checked = checker.check(data, expected, wall_clock())
    except RefusalError as error:
        raise CommandError(f"the message would be refused: {error}") from error
    say(described(checked, configured.inputs))


def _from_hex(data: bytes) -> bytes:
    try:
        return bytes.fromhex(data.decode("ascii"))
    except ValueError as error:
        raise CommandError(f"the file is not hexadecimal: {error}") from error
