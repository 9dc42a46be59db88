"""An outbox that remembers what was sent, for commands that publish."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.topics import TOPIC_KINDS
from streams.kafka.producer import Batches, Message
from streams.settings import Settings
from touchline.publish import send


class Outbox:
    """Stands in for `BatchProducer`.

    Attributes:
        sends: the batches of each call.
    """

    def __init__(self) -> None:
        self.sends: list[dict[tuple[str, int], list[Message]]] = []

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, batches: Batches) -> None:
        self.sends.append({place: list(messages) for place, messages in batches.items()})

    def on(self, topic: str) -> list[Message]:
        """Return all messages of a topic: of each call by partition, calls in order."""
        return [
            message
            for batches in self.sends
            for (name, _), messages in sorted(batches.items())
            if name == topic
            for message in messages
        ]

    def event_ids(self, topic: str) -> list[str]:
        """Return the decoded event ids of a topic's messages."""
        codec = Codec(FileRegistry())
        kind = TOPIC_KINDS[topic]
        return [codec.decode(kind, message.value or b"")["event_id"] for message in self.on(topic)]


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> Outbox:
    made = Outbox()

    async def all_there(settings: Settings, names: Iterable[str]) -> dict[str, int]:
        return dict.fromkeys(names, settings.partitions)

    monkeypatch.setattr(send, "BatchProducer", lambda _settings: made)
    monkeypatch.setattr(send, "check_topics", all_there)
    return made
