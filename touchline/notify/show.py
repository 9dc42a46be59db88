"""What `touchline notify` shows: the dead letters, and whether targets take an example."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

from schemas.avro.registry import current_schemas
from schemas.topics import NOTIFY_DEAD_LETTERS, SIGNAL_FOLLOW_UPS
from schemas.units import HOUR_MS
from streams.kafka.admin import partition_counts
from streams.kafka.reader import read_to_end
from streams.runtime.clock import wall_clock
from streams.settings import Settings
from touchline.errors import CommandError
from touchline.notify.errors import DeliveryError
from touchline.notify.http_sender import open_session
from touchline.notify.letters import Letter, decode
from touchline.notify.notices import Notice, notice_of
from touchline.notify.run import load_targets, sender_of

TRIAL = "example"
"""The id of what is sent on trial: nothing real has it."""


class Outcome(NamedTuple):
    """What became of an example.

    Attributes:
        target: the name of whose it was.
        problem: why it was not taken; empty where it was.
    """

    target: str
    problem: str


async def try_targets(settings: Settings) -> list[Outcome]:
    """Send every target an example, once; return what became of it.

    Raises:
        TargetsError: the targets do not hold.
    """
    aims, outcomes = load_targets(settings), []
    async with open_session(settings.notify_timeout_s) as session:
        for aim in aims:
            problem = ""
            try:
                await sender_of(aim, session, settings).send(example_notice(wall_clock()), f"{TRIAL}:{TRIAL}")
            except DeliveryError as error:
                problem = str(error)
            outcomes.append(Outcome(aim.target.name, problem))
    return outcomes


def example_notice(now_ms: int) -> Notice:
    """Return a made-up follow-up, due in four hours."""
    made_up = {
        **{field["name"]: field.get("example") for field in current_schemas()["FollowUp"]["fields"]},
        "follow_up_id": TRIAL,
        "status": "open",
        "due_at": now_ms + 4 * HOUR_MS,
        "topic": "an example: touchline tries whether this arrives",
    }
    return notice_of(SIGNAL_FOLLOW_UPS, made_up)


async def list_letters(settings: Settings) -> list[str]:
    """Return a line for each dead letter, in the order of each partition.

    Raises:
        CommandError: the topic does not exist.
        KafkaError: Kafka does not answer.
    """
    return [_line(letter) async for letter in _letters(settings)]


async def _letters(settings: Settings) -> AsyncIterator[Letter]:
    count = (await partition_counts(settings)).get(NOTIFY_DEAD_LETTERS)
    if count is None:
        raise CommandError(f"topic {NOTIFY_DEAD_LETTERS} does not exist: touchline topics --create")
    async for run in read_to_end(settings, NOTIFY_DEAD_LETTERS, range(count)):
        for record in run.records:
            yield decode(record.key, record.value, record.headers)


def _line(letter: Letter) -> str:
    where = f"{letter.topic}/{letter.partition}/{letter.offset}"
    return f"{where}  {letter.at}  {letter.target or '-'}  {letter.id or '-'}  {letter.reason}"
