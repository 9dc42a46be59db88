"""`touchline dlq`: lists refused messages, sends them again, or takes up the inputs that they have paused."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
import msgspec

from schemas.avro.codec import CONFLUENT, Codec
from schemas.avro.envelopes import event_of
from schemas.avro.registry import open_registry
from schemas.avro.registry_client import RegistryUnavailableError
from schemas.dead_letters import DeadLetter, rfc3339
from schemas.errors import RefusalError
from schemas.units import SECOND_MS
from streams import settings
from streams.kafka.admin import partition_counts
from streams.runtime.clock import wall_clock
from streams.settings import Settings
from touchline.commands.publish import REJECTED_STATUS
from touchline.dead_letters import (
    Counts,
    Selection,
    dead_letters,
    latest,
    once_each,
    send_back,
    with_messages,
    without_messages,
)
from touchline.paused_inputs import PausedInput, ask_to_take_up, paused_inputs
from touchline.publish.run import publish
from touchline.report.formatting import counted, duration
from touchline.terminal import Steps, progress_console, say

DEFAULT_LIMIT = 50


@click.group()
def command() -> None:
    """List refused messages, send them again, or take up the inputs that they have paused."""


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
    """Show why messages were refused, from topic touchpoints.dlq.v1.

    A message that was refused several times is shown and counted once.
    """
    configured = settings.load()
    is_whole = output_format == "jsonl"
    counts, letters = asyncio.run(_latest(configured, Selection(reason, topic), limit, is_whole=is_whole))
    if is_whole:
        asyncio.run(_say_whole(configured, letters, counts))
        return
    for letter in letters:
        where = f"{letter.topic}/{letter.partition}/{letter.offset}"
        say(f"{where}  {letter.at}  {letter.reason}: {letter.detail}")
    total = counted(counts.messages, "refused message")
    say(f"{total} ({counted(counts.letters, 'dead letter')}), {len(letters):,} shown", err=True)


async def _latest(
    configured: Settings, selection: Selection, limit: int, *, is_whole: bool
) -> tuple[Counts, list[DeadLetter]]:
    """Return how many there are, and the latest of them, the oldest first; with their messages only where wanted."""
    counts = Counts(await partition_counts(configured), configured.inputs)
    letters = once_each(dead_letters(configured, selection, counts.partitions), counts)
    return counts, await latest(letters if is_whole else without_messages(letters), limit)


async def _say_whole(configured: Settings, letters: list[DeadLetter], counts: Counts) -> None:
    """Print letters one by one, with what Kafka still holds of their messages: those that hold theirs come first."""
    decode = _Decoder(configured)

    async def each() -> AsyncIterator[DeadLetter]:
        for letter in letters:
            yield letter

    async for letter in with_messages(configured, each(), counts.partitions):
        say(msgspec.json.encode(_as_json(letter, decode)).decode())


class _Decoder:
    """Reads what can be read of refused messages, as `publish` would take it."""

    def __init__(self, configured: Settings) -> None:
        self._codec = Codec(open_registry(configured.schema_registry))
        self._inputs = configured.inputs
        self._registry_is_away = False

    def __call__(self, letter: DeadLetter) -> dict[str, Any] | None:
        kinds = self._inputs.kinds.get(letter.topic)
        if kinds is None or letter.value is None:
            return None
        if self._registry_is_away and letter.value.startswith(CONFLUENT):
            return None
        try:
            kind = kinds[0] if len(kinds) == 1 else self._codec.kind_of(kinds, letter.value)
            event = event_of(letter.headers)
            if event is not None:
                return {"kind": kind, **self._codec.decode_event(kind, letter.value, event)}
            return {"kind": kind, **self._codec.decode(kind, letter.value)}
        except RegistryUnavailableError:
            self._registry_is_away = True  # not to wait for it with every letter
            return None
        except RefusalError:
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
    with Steps(progress_console()) as steps:
        counts, sent = asyncio.run(_replay(configured, selection, dry_run, steps))
    if dry_run:
        say(f"{counted(counts.returnable, 'message')} would be sent back{_left_out(counts)}")
        return
    say(f"{counted(sent, 'message')} sent back{_left_out(counts)}")


async def _replay(configured: Settings, selection: Selection, dry_run: bool, steps: Steps) -> tuple[Counts, int]:
    """Send the selected messages back; return how many there are, and how many were sent."""
    counts = Counts(await partition_counts(configured), configured.inputs)
    steps.begin("reading dead letters" if dry_run else "sending messages back")
    selected = dead_letters(configured, selection, counts.partitions)
    # A message that is refused again has another place: that it is the same is seen by its content.
    letters = once_each(with_messages(configured, selected, counts.partitions), counts)
    if not dry_run:
        return counts, await send_back(configured, letters, counts.partitions, steps.show)
    async for _ in letters:
        steps.show(counts.messages)
    return counts, 0


def _left_out(counts: Counts) -> str:
    left = counts.messages - counts.returnable
    return (
        f"; {left:,} cannot be: neither their dead letters nor their topics hold them any more, or their dead letters "
        "name no place that is there and takes them"
        if left
        else ""
    )


@command.command()
@click.option("--topic", help="Only those of this topic.")
@click.option("--partition", type=click.IntRange(min=0), help="Only those of this partition.")
@click.option("--dry-run", is_flag=True, help="Only say which are paused, and how much waits in them.")
def resume(topic: str | None, partition: int | None, dry_run: bool) -> None:
    """Take up input partitions that are paused because their messages were refused.

    Use it once the cause is mended. What still is refused goes to the dead letters, and too much of it pauses the
    partition again.
    """
    configured = settings.load()
    paused = [
        one
        for one in asyncio.run(paused_inputs(configured))
        if topic in (None, one.topic) and partition in (None, one.partition)
    ]
    now_ms = wall_clock()
    for one in paused:
        say(_described(one, now_ms))
    if paused and not dry_run:
        asyncio.run(ask_to_take_up(configured, paused))
    how = "paused" if dry_run or not paused else "taken up"
    say(f"{counted(len(paused), 'input partition')} {how}")


def _described(paused: PausedInput, now_ms: int) -> str:
    note = paused.note
    if now_ms < note.hold_until:
        late = f"time waits for them until {rfc3339(note.hold_until)}"
    else:
        late = (
            f"time has gone on without them: they will be late by up to {duration((now_ms - note.reached) / SECOND_MS)}"
        )
    where = f"{paused.topic}/{paused.partition}/{paused.offset}"
    return f"{where}  paused since {rfc3339(note.since)}  {counted(paused.waiting, 'message')} in it; {late}"


def _publish(context: click.Context, configured: Settings, mended: Path) -> None:
    console = progress_console()
    with Steps(console) as steps:
        steps.begin("publishing")
        done = publish(configured, [mended], console, steps.show)
    say(f"{counted(done.sent, 'touchpoint')} sent")
    if done.rejected:
        context.exit(REJECTED_STATUS)
