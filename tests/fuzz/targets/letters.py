"""Dead letters as the sink and `touchline dlq` read them: anybody can write such headers."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import replace

import msgspec
from typing_extensions import override

from schemas import dead_letters
from schemas.dead_letters import MAX_BYTES, DeadLetter, refusal_of, rfc3339, row_of
from schemas.errors import REASONS, STAGES
from schemas.rows import encode_rows
from schemas.sizes import RECORD_OVERHEAD, Headers, record_size
from schemas.text import MAX_REASON, printable
from schemas.topics import DEAD_LETTERS, TOPIC_KINDS
from sinks.batch import Batch
from tests.fuzz.records import NOW
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.targets.messages import KINDS_KNOWN, valid_value
from tests.fuzz.values import changed_bytes, number, text
from touchline.dead_letters import Counts, Selection, once_each, returnable

_TOPICS = (*TOPIC_KINDS, DEAD_LETTERS, "other", "")
_TIMES = ("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "2024-05-01T12:00:00", "2024-05-01", "20240501T12Z")


class Record(msgspec.Struct, array_like=True):
    """A record of the topic."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Letters(Target):
    """Records of the dead letters' topic: what they say is shown, stored, and sent back where it may be."""

    @override
    def make(self, rng: random.Random) -> bytes:
        letter = DeadLetter(
            reason=rng.choice(REASONS) if rng.random() < 0.8 else text(rng),
            detail=text(rng),
            stage=rng.choice(STAGES) if rng.random() < 0.9 else text(rng),
            topic=rng.choice(_TOPICS) if rng.random() < 0.9 else text(rng),
            partition=rng.randrange(4) if rng.random() < 0.8 else number(rng),
            offset=rng.randrange(1 << 40) if rng.random() < 0.8 else number(rng),
            at=rfc3339(NOW) if rng.random() < 0.8 else rng.choice((*_TIMES, text(rng))),
            key=rng.choice((None, b"", b"key")),
            value=rng.choice((None, b"", valid_value(rng, rng.choice(KINDS_KNOWN), 0.05))),
            headers=[(text(rng), _content(rng)) for _ in range(rng.choice((0, 0, 3, 200)))],
        )
        key, value, headers = dead_letters.encode(letter)
        changed = [
            (name, changed_bytes(rng, content) if content is not None and rng.random() < 0.1 else content)
            for name, content in headers
            if rng.random() > 0.02
        ]
        if rng.random() < 0.3:
            changed.append((rng.choice(sorted(dead_letters.HEADERS)), _content(rng)))
        record = Record(rng.randrange(1 << 40), number(rng), key, value, changed)
        return msgspec.msgpack.encode(record)

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        record = msgspec.msgpack.decode(data, type=Record)
        yield CPU_MS
        letter = dead_letters.decode(record.key, record.value, record.headers)
        row = row_of(record, 3, 0)
        refusal = refusal_of(row)
        yield CPU_MS
        for shown in (letter.reason, letter.detail, letter.stage, letter.topic, letter.at, row.detail):
            assert len(shown) <= MAX_REASON
            assert shown == printable(shown)
        _check_columns("dead_letters", row)
        if refusal is not None:
            _check_columns("outcomes", refusal)
        yield CPU_MS
        self._refuse_again(letter)
        yield CPU_MS
        assert _run(_counted(letter)) == (1, int(returnable(letter, dict.fromkeys(TOPIC_KINDS, 4))))

    def _refuse_again(self, letter: DeadLetter) -> None:
        """A letter can be sent back and be refused again: then the headers added last hold."""
        key, value, headers = dead_letters.encode(replace(letter, reason="undecodable", partition=1, offset=2))
        assert record_size(key, value, headers) <= MAX_BYTES + RECORD_OVERHEAD
        again = dead_letters.decode(key, value, headers)
        assert (again.reason, again.partition, again.offset) == ("undecodable", 1, 2)
        own: Headers = letter.headers
        assert again.headers == own or not again.headers


def _content(rng: random.Random) -> bytes | None:
    return rng.choice((None, b"", b"9" * 5_000, text(rng).encode()))


def _check_columns(table: str, row: object) -> None:
    """Columns hold a row whatever the headers said."""
    batch = Batch()
    batch.add_message(table, encode_rows([row]))  # type: ignore[list-item]  # a row of the table
    assert not batch.beyond, f"{batch.beyond} do not fit their columns"


def _run(coroutine: Coroutine[None, None, tuple[int, int]]) -> tuple[int, int]:
    """Return the result of a coroutine that waits for nothing: an event loop for each input would cost more than it."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: tuple[int, int] = done.value
        return found
    raise AssertionError("it waits for something")


async def _counted(letter: DeadLetter) -> tuple[int, int]:
    counts = Counts(dict.fromkeys(TOPIC_KINDS, 4))

    async def twice() -> AsyncIterator[DeadLetter]:
        for _ in range(2):
            if letter in Selection():
                yield letter

    async for _ in once_each(twice(), counts):
        pass
    assert counts.letters == 2
    return counts.messages, counts.returnable
