"""Finds the dead letters of those who were erased, in the table and one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.erasures import ErasedRows
from sinks.database import Database, select
from sinks.erasing import Letter, named_together, within
from sinks.literals import quoted
from streams.agents.identities import identities_of
from streams.identity.naming import may_name, names, texts_of
from streams.settings import Settings

SEARCHED = 100
"""Most texts that are looked for at once."""
SEARCHED_BYTES = 32 << 20
"""About so many bytes of letters are searched by one statement: it holds what it looks at."""
LETTER_BYTES = 256
"""So many bytes count for a letter beside its message and detail: it may have none."""
SEARCHED_LETTERS = 50_000
"""So many letters are searched by one statement at most: those found are held until all of them are looked at."""
PAGE_BYTES = 4 << 20
"""Most bytes of letters that are looked at together, if they are several."""
# Not FINAL, which holds the letters: an older version of one is a candidate, too, and what is looked at is the newest.
# All versions of one are in one range: the windows end behind rows that stand at one place.
_RANGES = f"""
SELECT min(place) AS first, max(place) AS last, first.1, first.2, first.3, last.1, last.2, last.3
FROM
(
    SELECT
        (toString(topic), partition, offset) AS place,
        intDiv(sum(size) OVER (ORDER BY place), {SEARCHED_BYTES}) AS by_bytes,
        intDiv(count() OVER (ORDER BY place), {SEARCHED_LETTERS}) AS by_count,
        (by_bytes, by_count) AS page
    FROM (SELECT topic, partition, offset, length(raw) + length(detail) + {LETTER_BYTES} AS size FROM dead_letters_rows)
)
GROUP BY page
ORDER BY page
"""  # noqa: S608  # numbers of our own
_CANDIDATES = """
SELECT topic, partition, offset, max(length(raw) + length(detail)) AS size
FROM
(
    SELECT topic, partition, offset, raw, detail, replaceRegexpAll(raw, '[^0-9]+', '') AS digits
    FROM dead_letters_rows
    PREWHERE (toString(topic), partition, offset)
        BETWEEN ({first_topic:String}, {first_partition:UInt32}, {first_offset:UInt64})
        AND ({last_topic:String}, {last_partition:UInt32}, {last_offset:UInt64})
)
WHERE """
_BY_LETTER = "GROUP BY topic, partition, offset"
# Each text by itself: `arrayExists` copies the letters for each text, and a search for all of them at once takes ten
# times as long where they begin alike.
_HOLDS = (
    "positionCaseInsensitiveUTF8(raw, {{{name}:String}}) > 0 "
    "OR positionCaseInsensitiveUTF8(detail, {{{name}:String}}) > 0"
)
_HOLDS_DIGITS = "position(digits, {{{name}:String}}) > 0"
# One text, and not a list: ClickHouse takes four times as long to read thousands of small literals.
_LETTERS = """
SELECT topic, partition, offset, detail, hex(raw) FROM dead_letters_rows FINAL
WHERE (topic, partition, offset) IN (SELECT arrayJoin(CAST({places} AS Array(Tuple(String, UInt32, UInt64)))))
"""


class Found(NamedTuple):
    """What is looked at of a dead letter; `beside` its message stand its key and headers."""

    topic: str
    detail: str
    raw: bytes
    beside: Sequence[bytes] = ()


class LetterSearch:
    """Finds the dead letters of those who were erased.

    A letter whose message can be read is theirs if the message is, and is older. Another one is theirs if it names
    them, and may be theirs if it holds an id or identifier of theirs: a word that others use, too.
    """

    def __init__(self, settings: Settings) -> None:
        self._inputs = settings.inputs
        self._codec = Codec(FileRegistry())
        self._identities = identities_of(settings)

    def find(self, database: Database, erased: ErasedRows) -> Iterator[Letter]:
        """Yield those in the table, each once; of large ones a few are held at a time, of small ones some ten thousand.

        Raises:
            TransientWriteError: the database is out of reach.
            QueryError: it refuses to tell.
        """
        keys = frozenset(erased.customer_keys)
        texts = [text for key in keys for text in texts_of(key)]
        for place in _ranges(database):
            for page in _pages(_candidates(database, place, texts)):
                for topic, partition, offset, detail, raw in select(database, _read(page)):
                    letter = Found(str(topic), str(detail), bytes.fromhex(str(raw)))
                    if self.is_theirs(letter, keys, erased.at, unsure=erased.unsure_letters):
                        yield Letter(letter.topic, int(str(partition)), int(str(offset)))

    def is_theirs(self, letter: Found, keys: Collection[str], at: int, *, unsure: bool = False) -> bool:
        """Return whether a letter is of whoever has some stated keys, and not of a later time (ms).

        Args:
            letter: is looked at.
            keys: all of theirs.
            at: when they were erased.
            unsure: whether those count that only may be theirs.
        """
        said = self._whose(letter.topic, letter.raw)
        if said is not None:
            customer_key, occurred_at = said
            return customer_key in keys and occurred_at <= at
        is_named = may_name if unsure else names
        held = (letter.raw, letter.detail.encode(errors="replace"), *letter.beside)
        return any(is_named(one, key) for one in held for key in keys)

    def _whose(self, topic: str, raw: bytes) -> tuple[str, int] | None:
        """Return whose a message is, and of which time (ms); None where it does not tell."""
        try:
            kind = self._inputs.only_kind(topic) or self._codec.kind_of(self._inputs.kinds[topic], raw)
            record = self._identities.stored(self._codec.decode(kind, raw))
            customer_key = self._identities.customer_key_of(record["customer_id"], record["identifiers"])
            return None if customer_key is None else (customer_key, int(record["occurred_at"]))
        except Exception:  # whatever it is: the message does not tell
            return None


def _search(texts: Mapping[str, str]) -> str:
    """Return what asks where the letters are that hold one of some texts, or whose digits do, and how large they are.

    Args:
        texts: by the name of the parameter.
    """
    held = [_HOLDS.format(name=name) for name in texts]
    held += [_HOLDS_DIGITS.format(name=name) for name, text in texts.items() if text.isdecimal()]
    return f"{_CANDIDATES}{' OR '.join(held)} {_BY_LETTER}"


def _read(letters: Iterable[Letter]) -> str:
    """Return what asks for some letters."""
    places = ", ".join(f"({quoted(one.topic)}, {one.partition}, {one.offset})" for one in letters)
    return _LETTERS.format(places=quoted(f"[{places}]"))


def _ranges(database: Database) -> Iterator[dict[str, object]]:
    """Yield from where to where letters are searched together, as `_CANDIDATES` names it."""
    names = ("first_topic", "first_partition", "first_offset", "last_topic", "last_partition", "last_offset")
    for row in select(database, _RANGES):
        yield dict(zip(names, row[2:], strict=True))


def _candidates(database: Database, place: Mapping[str, object], texts: Sequence[str]) -> Mapping[Letter, int]:
    """Return the letters of a range that hold one of some texts, and how large they are."""
    sizes: dict[Letter, int] = {}
    for first in range(0, len(texts), SEARCHED):
        some = {f"text_{number}": text for number, text in enumerate(texts[first : first + SEARCHED])}
        for topic, partition, offset, size in select(database, _search(some), {**place, **some}):
            sizes[Letter(str(topic), int(str(partition)), int(str(offset)))] = int(str(size))
    return sizes


def _pages(sizes: Mapping[Letter, int]) -> Iterator[Sequence[Letter]]:
    """Yield letters, in their order, as many at a time as are read together."""
    for named in named_together(sorted(sizes)):
        yield from within(named, sizes.__getitem__, PAGE_BYTES)
