"""The key of pseudonyms at a worker's start: a change is noticed before anything is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from schemas import watermarks
from schemas.errors import NOT_READ, TouchlineError
from schemas.topics import WATERMARKS
from schemas.watermarks import PseudonymKey
from streams.agents.services import Services
from streams.identity.pseudonyms import key_id_of
from streams.kafka.offsets import Record
from streams.kafka.producer import Message
from streams.kafka.reader import read_to_end
from streams.settings import Settings

PRIVACY = "docs/identity.md#another-key"

History = Callable[[], AsyncIterator[Sequence[Record]]]

log = structlog.get_logger(__name__)


class PseudonymKeyError(TouchlineError):
    """The key is another than the one by which identifiers were replaced, and nothing says that this is meant."""


async def check_key(services: Services, history: History | None = None) -> None:
    """Note the key that is in force in `journeys.watermarks.v1`, unless it is noted.

    Args:
        services: write, tell the settings.
        history: returns what that topic holds; by default it asks Kafka.

    Raises:
        PseudonymKeyError: identifiers were replaced by another key, which no setting names as an earlier one.
    """
    settings = services.settings
    key, earlier = settings.pseudonym_keys()
    now = "" if key is None else key_id_of(key)
    used, is_new = await _used(history() if history is not None else _read_from_kafka(settings))
    if now == (used or ""):
        return
    if used and used not in map(key_id_of, earlier):
        raise PseudonymKeyError(_refused(now, used))
    if used:
        log.warning(
            f"the key of pseudonyms has changed: whoever is known by no customer's id begins anew. See {PRIVACY}",
            key=now or "none: identifiers are readable from now on",
            before=used,
        )
    elif not is_new:
        log.warning(
            f"identifiers are replaced by pseudonyms from now on, and what is stored stays readable. See {PRIVACY}",
            key=now,
        )
    noted = PseudonymKey(settings.epoch, now)
    await services.producer.send({(WATERMARKS, 0): [Message(noted.key, watermarks.encode(noted))]})


async def check_key_of_command(settings: Settings, history: History | None = None) -> None:
    """Make sure that a command which writes identities has the key that workers have.

    Raises:
        PseudonymKeyError: it has another, or none: it would write identifiers, or what nobody is found by.
    """
    key, _ = settings.pseudonym_keys()
    now = "" if key is None else key_id_of(key)
    used, _ = await _used(history() if history is not None else _read_from_kafka(settings))
    if used and used != now:
        raise PseudonymKeyError(
            f"workers replace identifiers by the key with id {used}, and TOUCHLINE_PSEUDONYM_KEY has {_named(now)} "
            "here: set the same key here"
        )


async def _used(history: AsyncIterator[Sequence[Record]]) -> tuple[str | None, bool]:
    """Return the id of the key that was noted last, None without one, and whether nothing was reported yet."""
    used, is_new = None, True
    async for records in history:
        for record in records:
            is_new = False
            try:
                found = watermarks.decode(record.value or b"")
            except NOT_READ:
                continue  # whoever adds watermarks up says so
            if isinstance(found, PseudonymKey):
                used = found.key_id
    return used, is_new


async def _read_from_kafka(settings: Settings) -> AsyncIterator[Sequence[Record]]:
    async for run in read_to_end(settings, WATERMARKS, [0]):
        yield run.records


def _refused(now: str, used: str) -> str:
    return (
        f"identifiers were replaced by the key with id {used}, and TOUCHLINE_PSEUDONYM_KEY has {_named(now)}. Set that "
        "key again; or, if it is to be another, name the earlier one in TOUCHLINE_PSEUDONYM_KEY_OLD: whoever is known "
        f"by no customer's id then begins anew. If it is lost, touchline rebuild begins without it. See {PRIVACY}"
    )


def _named(key_id: str) -> str:
    return f"the key with id {key_id}" if key_id else "no key"
