"""What the sink deletes: rows and dead letters of those who were erased, when it has stored all rows before."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from json import dumps
from typing import NamedTuple

import structlog

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.erasures import ErasedRows
from schemas.identity_links import identity_of
from sinks.database import Database, select
from sinks.erasing import (
    LETTERS_AT_ONCE,
    Letter,
    condition_of_letters,
    erase,
    erase_letters,
    note_done,
    together,
)
from streams.agents.identities import identities_of
from streams.settings import Settings

IDENTITIES = "identities"
"""With the rows of this table the dead letters are deleted."""
TOUCHPOINTS = "touchpoints"
"""With the rows of this table the outcomes are deleted, behind them."""
LONG = 6
"""A text of so many characters that stands in a message is not there by chance."""
PHONE_DIGITS = 9
"""So many last digits of a telephone number are its own, however it is written."""
SEARCHED = 100
"""Most texts that are looked for at once."""
PAGE_BYTES = 4 << 20
"""Most bytes of letters that are looked at together, if they are several."""
_CANDIDATES = """
SELECT topic, partition, offset, length(raw) FROM dead_letters_rows FINAL
WHERE arrayExists(
    text -> positionCaseInsensitiveUTF8(raw, text) > 0
        OR positionCaseInsensitiveUTF8(detail, text) > 0
        OR position(replaceRegexpAll(raw, '[^0-9]', ''), text) > 0,
    {texts:Array(String)}
)
"""
"""Where the letters are that hold one of some texts, or whose digits do, and how large they are."""
_LETTERS = "SELECT topic, partition, offset, detail, hex(raw) FROM dead_letters_rows FINAL WHERE "
_NO_DIGIT = re.compile(rb"[^0-9]")

log = structlog.get_logger(__name__)


class RowsEraser:
    """Deletes rows of those who were erased; what it does may be repeated.

    Args:
        settings: of the process.
        database: holds the rows.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._letters = LetterSearch(settings)

    def erase(self, table: str, messages: Sequence[ErasedRows]) -> None:
        """Delete the rows of which messages behind those of a table speak; blocks.

        Raises:
            TransientWriteError: the database is out of reach; to be repeated.
            PermanentWriteError: the database refuses it.
        """
        for group in together(table, messages):
            self._erase(table, group)

    def _erase(self, table: str, group: Sequence[ErasedRows]) -> None:
        """Delete the rows of which messages of one order speak."""
        deleted = {table: erase(self._database, table, *group)}
        if table == TOUCHPOINTS:
            deleted["outcomes"] = erase(self._database, "outcomes", *group)
        elif table == IDENTITIES:
            found = [letter for erased in group for letter in self._letters.find(self._database, erased)]
            deleted["dead_letters"] = erase_letters(self._database, found)
        for name, rows in deleted.items():
            note_done(self._database, name, group, rows)
        log.info("rows of somebody who was erased are deleted", erasure_id=group[0].erasure_id, **deleted)


class Found(NamedTuple):
    """What is looked at of a dead letter."""

    topic: str
    detail: str
    raw: bytes


class LetterSearch:
    """Finds the dead letters of those who were erased.

    A letter whose message can be read is theirs if the message is, and is older. Another one is theirs if it holds
    their id, or an identifier of theirs, as a text of its own.
    """

    def __init__(self, settings: Settings) -> None:
        self._inputs = settings.inputs
        self._codec = Codec(FileRegistry())
        self._identities = identities_of(settings)

    def find(self, database: Database, erased: ErasedRows) -> Iterator[Letter]:
        """Yield those in the table, each once; of large ones a few are held at a time.

        Raises:
            TransientWriteError: the database is out of reach.
            QueryError: it refuses to tell.
        """
        keys = frozenset(erased.customer_keys)
        texts = [text for key in keys for text in texts_of(key)]
        sizes: dict[Letter, int] = {}
        for first in range(0, len(texts), SEARCHED):
            rows = select(database, _CANDIDATES, {"texts": texts[first : first + SEARCHED]})
            for topic, partition, offset, size in rows:
                sizes[Letter(str(topic), int(str(partition)), int(str(offset)))] = int(str(size))
        for page in _pages(sizes):
            for topic, partition, offset, detail, raw in select(database, _LETTERS + condition_of_letters(page)):
                letter = Found(str(topic), str(detail), bytes.fromhex(str(raw)))
                if self.is_theirs(letter, keys, erased.at):
                    yield Letter(letter.topic, int(str(partition)), int(str(offset)))

    def is_theirs(self, letter: Found, keys: Collection[str], at: int) -> bool:
        """Return whether a letter is of whoever has some stated keys, and not of a later time (ms)."""
        said = self._whose(letter.topic, letter.raw)
        if said is not None:
            customer_key, occurred_at = said
            return customer_key in keys and occurred_at <= at
        return any(holds(letter.raw, key) or holds(letter.detail.encode(errors="replace"), key) for key in keys)

    def is_readable(self, letter: Found) -> bool:
        """Return whether a letter's message tells whose it is."""
        return self._whose(letter.topic, letter.raw) is not None

    def _whose(self, topic: str, raw: bytes) -> tuple[str, int] | None:
        """Return whose a message is, and of which time (ms); None where it does not tell."""
        try:
            kind = self._inputs.only_kind(topic) or self._codec.kind_of(self._inputs.kinds[topic], raw)
            record = self._identities.stored(self._codec.decode(kind, raw))
            customer_key = self._identities.customer_key_of(record["customer_id"], record["identifiers"])
            return None if customer_key is None else (customer_key, int(record["occurred_at"]))
        except Exception:  # whatever it is: the message does not tell
            return None


def _pages(sizes: Mapping[Letter, int]) -> Iterator[Sequence[Letter]]:
    """Yield letters, in their order, as many at a time as are read together."""
    page: list[Letter] = []
    bytes_of_page = 0
    for letter, size in sorted(sizes.items()):
        if page and (bytes_of_page + size > PAGE_BYTES or len(page) == LETTERS_AT_ONCE):
            yield page
            page, bytes_of_page = [], 0
        page.append(letter)
        bytes_of_page += size
    if page:
        yield page


def texts_of(customer_key: str) -> Sequence[str]:
    """Return what a message holds that names somebody: a customer's id, or an identifier, also as JSON escapes it."""
    kind, value = identity_of(customer_key)
    if kind == "phone":
        return [value[-PHONE_DIGITS:]]
    return list(dict.fromkeys((value, dumps(value)[1:-1])))


def holds(raw: bytes, customer_key: str) -> bool:
    """Return whether bytes hold somebody's id or identifier: a long one anywhere, a short one as a text of its own."""
    kind, _ = identity_of(customer_key)
    if kind == "phone":
        return any(text.encode() in _NO_DIGIT.sub(b"", raw) for text in texts_of(customer_key))
    lowered = raw.lower()
    for text in texts_of(customer_key):
        needle = text.lower().encode("utf-8", "surrogatepass")
        # In JSON a text stands in quotes, in Avro behind its length.
        own = (b'"' + needle + b'"', b"'" + needle + b"'", bytes([min(255, 2 * len(needle))]) + needle)
        if needle in lowered if len(needle) >= LONG else any(one in lowered for one in own):
            return True
    return False
