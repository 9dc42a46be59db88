"""Bodies of requests to `touchline collect`: one touchpoint, an array, or one a line; plain and packed."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec
from typing_extensions import override

from schemas.avro.codec import KIND_RECORDS
from schemas.topics import TOPIC_KINDS
from tests.fuzz.records import NOW, record_of
from tests.fuzz.target import Target
from tests.fuzz.targets.messages import KINDS_KNOWN, allowed
from tests.fuzz.values import changed_bytes, changed_tree, json_value
from tests.unit.schemas.records import SCHEMAS
from tests.unit.touchline.collect.worker import verdict_of_workers
from touchline.collect.body import split, unpacked
from touchline.collect.errors import RequestError
from touchline.collect.intake import Intake, Outgoing

MOST = 2 << 20
"""Bytes of a body, as unpacked."""
MOST_TOUCHPOINTS = 1_000


class Body(msgspec.Struct, array_like=True):
    """A body, and what its head says of it."""

    content: bytes
    lines: bool
    packed: bool


class Bodies(Target):
    """Bodies as clients send them; what is accepted of them, the workers accept."""

    documented = (RequestError,)

    def __init__(self) -> None:
        self._intake = Intake()

    @override
    def make(self, rng: random.Random) -> bytes:
        lines = rng.random() < 0.3
        texts = [_touchpoint(rng) for _ in range(rng.choice((0, 1, 1, 2, 20)))]
        content = b"\n".join(texts) if lines else b"[" + b",".join(texts) + b"]"
        if len(texts) == 1 and rng.random() < 0.5:
            content = texts[0]
        if rng.random() < 0.2:
            odd = (b"1e308,", b"[", b'{"a":', b"{},", b"\xef\xbb\xbf", b"\n", b'"\\ud800",', b"NaN,")
            at = rng.randrange(len(content) + 1)
            content = content[:at] + rng.choice(odd) * rng.choice((1, 300, 50_000)) + content[at:]
        packed = rng.random() < 0.3
        if packed:
            content = gzip.compress(content, 1, mtime=0) * rng.choice((1, 1, 2))
        if rng.random() < 0.15:
            content = changed_bytes(rng, content)
        return msgspec.msgpack.encode(Body(content[:MOST], lines, packed))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        body = msgspec.msgpack.decode(data, type=Body)
        # Inflating takes as long as reading, of many more bytes at the most.
        yield allowed(data) + (allowed(b"\0" * MOST) if body.packed else 0)
        content = unpacked(body.content, MOST, lambda _: None) if body.packed else body.content
        yield 2 * allowed(content)  # what is no JSON is read a second time
        for text in split(content, MOST_TOUCHPOINTS, lines=body.lines):
            yield allowed(text)
            told = self._intake.read(text, NOW)
            if isinstance(told, Outgoing):
                assert verdict_of_workers(told.message.value or b"", TOPIC_KINDS[told.topic], NOW) is None


def _touchpoint(rng: random.Random) -> bytes:
    kind = rng.choice(KINDS_KNOWN)
    said: Any = {"kind": kind, **record_of(SCHEMAS[KIND_RECORDS[kind]], rng, rng.choice((0.0, 0.05, 0.3)))}
    for _ in range(rng.choice((0, 0, 1, 3))):
        said = changed_tree(rng, said)
    if rng.random() < 0.1:
        said = json_value(rng)
    return json.dumps(said, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
