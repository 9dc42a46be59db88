"""`touchline dlq`: lists refused messages, or sends them again."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import msgspec

from schemas.avro.codec import Codec
from schemas.avro.registry import RegistryUnavailableError, open_registry
from schemas.dead_letters import DeadLetter
from schemas.errors import RefusalError
from streams import settings
from streams.settings import Settings
from touchline.commands.publish import REJECTED_STATUS
from touchline.dead_letters import Selection, dead_letters, send_back
from touchline.publish.run import publish
from touchline.report.formatting import counted, plain
from touchline.terminal import Steps, progress_console

DEFAULT_LIMIT = 50


@click.group()
def command() -> None:
    """List refused messages, or send them again."""


@command.command("list")
@click.option("--reason", help="Only those refused for this, such as invalid_score.")
@click.option("--topic", help="Only those that came on this topic.")
@click.option(
    "--limit",
    default=DEFAULT_LIMIT,
    show_default=True,
    type=click.IntRange(min=1),
    help="The latest so many.",
)
@click.option(
    "--format",
    "output_format",
    default="table",
    show_default=True,
    type=click.Choice(["table", "jsonl"]),
    help="jsonl has the whole content, as `publish` takes it, in the field touchpoint.",
)
def list_letters(reason: str | None, topic: str | None, limit: int, output_format: str) -> None:
    """Show why messages were refused, from topic touchpoints.dlq.v1."""
    configured = settings.load()
    total, letters = asyncio.run(_latest(configured, Selection(reason, topic), limit))
    if output_format == "jsonl":
        decode = _Decoder(configured)
        for letter in letters:
            click.echo(msgspec.json.encode(_as_json(letter, decode)))
        return
    for letter in letters:
        where = f"{letter.topic}/{letter.partition}/{letter.offset}"
        click.echo(f"{where}  {letter.at}  {letter.reason}: {plain(letter.detail)}")
    click.echo(f"{counted(total, 'refused message')}, {len(letters):,} shown", err=True)


async def _latest(configured: Settings, selection: Selection, limit: int) -> tuple[int, list[DeadLetter]]:
    """Return how many there are, and the latest of them, the oldest first."""
    total = 0
    latest: dict[str, deque[DeadLetter]] = {}
    async for letter in dead_letters(configured, selection):
        total += 1
        latest.setdefault(letter.topic, deque(maxlen=limit)).append(letter)
    letters = sorted(
        (letter for of_topic in latest.values() for letter in of_topic),
        key=lambda letter: letter.at,
    )
    return total, letters[-limit:]


class _Decoder:
    """Reads what can be read of refused messages, as `publish` would take it."""

    def __init__(self, configured: Settings) -> None:
        self._codec = Codec(open_registry(configured.schema_registry))

    def __call__(self, letter: DeadLetter) -> dict[str, Any] | None:
        if letter.kind is None or letter.value is None:
            return None
        try:
            return {"kind": letter.kind, **self._codec.decode(letter.kind, letter.value)}
        except (RefusalError, RegistryUnavailableError):
            return None


def _as_json(letter: DeadLetter, decode: _Decoder) -> dict[str, Any]:
    return {
        "reason": letter.reason,
        "detail": letter.detail,
        "stage": letter.stage,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "at": letter.at,
        "touchpoint": decode(letter),
        "key": _base64(letter.key),
        "value": _base64(letter.value),
    }


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


@command.command()
@click.option("--reason", help="Only those refused for this, such as unknown_schema.")
@click.option("--topic", help="Only those that came on this topic.")
@click.option("--partition", type=click.IntRange(min=0), help="Only those of this partition.")
@click.option("--offset", type=click.IntRange(min=0), help="Only the one with this offset.")
@click.option(
    "--file",
    "mended",
    metavar="MENDED.jsonl",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Send these mended lines instead, as `publish` does.",
)
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
@click.pass_context
def replay(
    context: click.Context,
    reason: str | None,
    topic: str | None,
    partition: int | None,
    offset: int | None,
    mended: Path | None,
    dry_run: bool,
) -> None:
    """Send refused messages back to the topics they came from, as they were.

    Use it once the cause is mended on this side, such as a schema that is registered now. A message
    that is refused again is listed again. One that was taken in already counts as a duplicate.
    """
    configured = settings.load()
    selection = Selection(reason, topic, partition, offset)
    if mended is not None:
        if dry_run or selection != Selection():
            raise click.UsageError("--file goes with no other option")
        _publish(context, configured, mended)
        return
    if offset is not None and (topic is None or partition is None):
        raise click.UsageError("--offset needs --topic and --partition")
    if dry_run:
        total = asyncio.run(_count(_once_each(configured, selection)))
        click.echo(f"{counted(total, 'message')} would be sent back")
        return
    sent = asyncio.run(send_back(configured, _once_each(configured, selection)))
    click.echo(f"{counted(sent, 'message')} sent back")


async def _once_each(configured: Settings, selection: Selection) -> AsyncIterator[DeadLetter]:
    """Yield the selected messages that can be sent back, each payload of a topic once.

    Letters that do not say where they came from, and letters without a payload, are left out.
    """
    seen: set[tuple[str, bytes | None, bytes]] = set()
    async for letter in dead_letters(configured, selection):
        if letter.kind is None or letter.partition < 0 or letter.value is None:
            continue
        same = (letter.topic, letter.key, sha256(letter.value or b"").digest())
        if same not in seen:
            seen.add(same)
            yield letter


async def _count(letters: AsyncIterator[DeadLetter]) -> int:
    total = 0
    async for _ in letters:
        total += 1
    return total


def _publish(context: click.Context, configured: Settings, mended: Path) -> None:
    console = progress_console()
    with Steps(console) as steps:
        steps.begin("publishing")
        done = publish(configured, [mended], console, steps.show)
    click.echo(f"{counted(done.sent, 'touchpoint')} sent")
    if done.rejected:
        context.exit(REJECTED_STATUS)
