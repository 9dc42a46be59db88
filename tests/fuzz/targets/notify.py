"""Signals, and what targets answer, as `touchline notify` reads them: anybody with the right may write anything."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
from typing_extensions import override

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry, current_schemas
from schemas.errors import RefusalError
from schemas.sizes import Headers
from schemas.text import MAX_REASON, printable
from schemas.topics import SIGNAL_TOPICS
from tests.fuzz.records import NOW, record_of
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.values import changed_bytes, text
from touchline.notify import letters
from touchline.notify.bodies import json_body, mail_of, slack_body
from touchline.notify.choice import wants
from touchline.notify.http_sender import retry_after_s
from touchline.notify.notices import notice_of
from touchline.notify.targets import Email, read_targets

_UTC = ZoneInfo("UTC")
_TOPICS = sorted(SIGNAL_TOPICS.items())
_SLACK_CHARACTERS = 12_000
"""More than a post of ours has: thirteen facts of 200 characters each, escaped."""
_HEADERS = (letters.TARGET, letters.REASON, letters.ID, letters.TOPIC, letters.PARTITION, letters.OFFSET, letters.AT)


class Input(msgspec.Struct, array_like=True):
    """A message of a signals' topic, the headers of a dead letter, and a header `Retry-After`."""

    topic: int
    value: bytes
    headers: Headers
    retry_after: str


class Notices(Target):
    """Whatever a message holds, it is refused, or what is sent of it fits headers, lines and bounds."""

    documented = (RefusalError,)

    def __init__(self) -> None:
        self._codec, self._schemas = Codec(FileRegistry()), current_schemas()
        self._targets = read_targets(
            '[[target]]\nname = "a"\nkind = "slack"\nurl_env = "A"\n'
            'signals = ["follow_ups", "abandonments", "sentiment_shifts"]\nwithdrawals = true\n'
            '[[target]]\nname = "b"\nkind = "email"\nhost = "h"\nfrom = "a@b.c"\nto = ["a@b.c"]\n'
        )

    @override
    def make(self, rng: random.Random) -> bytes:
        number = rng.randrange(len(_TOPICS))
        name, _ = _TOPICS[number]
        value = self._codec.encode(name, record_of(self._schemas[name], rng, rng.choice((0.0, 0.1, 0.5))))
        if rng.random() < 0.2:
            value = changed_bytes(rng, value)
        headers = [(rng.choice(_HEADERS), text(rng).encode()) for _ in range(rng.randrange(8))]
        return msgspec.msgpack.encode(Input(number, value, headers, text(rng)))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        one = msgspec.msgpack.decode(data, type=Input)
        name, topic = _TOPICS[one.topic]
        yield CPU_MS
        self._check_answers(one)
        yield CPU_MS
        notice = notice_of(topic, self._codec.decode_signal(name, one.value))
        for target in self._targets:
            wants(target, notice)
        key = notice.key(of_customer=True)
        assert key.isascii()
        assert key.isprintable()
        assert " " not in key
        yield CPU_MS
        assert json.loads(json_body(notice, key))["id"] == key
        yield CPU_MS
        said = json.loads(slack_body(notice, _UTC))["text"]
        assert len(said) <= _SLACK_CHARACTERS
        assert printable(said.replace("\n", "")) == said.replace("\n", "")
        assert said.count("`") == 2 * said.count("\n"), "each fact is code, and nothing ends it"
        assert not {"<", ">"} & set(said)
        yield CPU_MS
        email = self._targets[1]
        assert isinstance(email, Email)
        mail = mail_of(notice, key, email, _UTC, NOW).as_bytes()
        head = mail.partition(b"\r\n\r\n")[0].decode("ascii")
        assert len(head.split("\r\n")) <= len({"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"}) + 4

    def _check_answers(self, one: Input) -> None:
        assert 0 <= retry_after_s(one.retry_after, datetime.now(UTC)) < 1e12
        letter = letters.decode(None, one.value, one.headers)
        for shown in (letter.target, letter.reason, letter.id, letter.topic, letter.at):
            assert len(shown) <= MAX_REASON
            assert shown == printable(shown)
