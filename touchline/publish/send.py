"""The second pass: the messages go to Kafka in order of event time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from streams.kafka.admin import check_topics
from streams.kafka.producer import Batches, BatchProducer, partition_for
from streams.kafka.producer import Message as ToKafka
from streams.settings import Settings
from touchline.publish.spool import Message

BATCH_MESSAGES = 4000
BATCH_BYTES = 8 << 20


class Producer(Protocol):
    """The part of `streams.kafka.producer.BatchProducer` that this module uses."""

    async def send(self, batches: Batches) -> object:
        """Write all messages, in order within each partition; return when all are acknowledged."""


async def send(settings: Settings, messages: Iterable[Message], on_sent: Callable[[int], None]) -> None:
    """Send all messages to their topics; `on_sent` is called with the number of further messages acknowledged.

    Raises:
        BrokerError: an input topic is missing.
        KafkaError: Kafka does not answer.
        ProduceError: Kafka will never take one of them; those before it were sent.
    """
    counts = await check_topics(settings, settings.inputs)
    producer = BatchProducer(settings)
    await producer.start()
    try:
        await send_in_batches(producer, messages, counts, on_sent)
    finally:
        await producer.stop()


async def send_in_batches(
    producer: Producer,
    messages: Iterable[Message],
    partitions: Mapping[str, int],
    on_sent: Callable[[int], None],
) -> None:
    """Send messages some thousands at a time, each to the partition of its key; `partitions`: how many by topic."""
    batches: defaultdict[tuple[str, int], list[ToKafka]] = defaultdict(list)
    waiting = size = 0
    for topic, key, value in messages:
        batches[topic, partition_for(key, partitions[topic])].append(ToKafka(key, value))
        waiting += 1
        size += len(value)
        if waiting >= BATCH_MESSAGES or size >= BATCH_BYTES:
            await producer.send(batches)
            on_sent(waiting)
            batches.clear()
            waiting = size = 0
    if waiting:
        await producer.send(batches)
        on_sent(waiting)
