"""Record batches that inflate to far more than they are, made in pieces and sent to a broker as they are."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Iterator

import cramjam
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c, encode_varint

from streams.kafka.inflate import GZIP, SNAPPY, ZSTD

_BEFORE_CRC = struct.Struct(">qiibI")
_AFTER_CRC = struct.Struct(">hiqqqhii")
_LENGTH_COUNTED_FROM = 12


def bomb(codec: int, messages: int, value: bytes) -> bytes:
    """Return a record batch, compressed, of so many messages, each with this value and no key."""
    records = _records(messages, value)
    if codec == SNAPPY:
        blocks = [bytes(cramjam.snappy.compress_raw(record)) for record in records]
        data = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
        data += b"".join(struct.pack(">i", len(block)) + block for block in blocks)
    elif codec == GZIP:
        gzip = zlib.compressobj(1, zlib.DEFLATED, 31)
        data = b"".join([*(gzip.compress(record) for record in records), gzip.flush()])
    else:
        # Kafka takes no lz4 whose blocks refer to one another.
        stream = cramjam.zstd.Compressor() if codec == ZSTD else cramjam.lz4.Compressor(block_linked=False)
        for record in records:
            stream.compress(record)
        data = bytes(stream.finish())
    body = _AFTER_CRC.pack(codec, messages - 1, 1_000, 1_000, -1, -1, -1, messages) + data
    length = _BEFORE_CRC.size - _LENGTH_COUNTED_FROM + len(body)
    return _BEFORE_CRC.pack(0, length, -1, 2, calc_crc32c(body)) + body


def _records(messages: int, value: bytes) -> Iterator[bytes]:
    for number in range(messages):
        inner = b"\0\0" + _varint(number) + _varint(-1) + _varint(len(value)) + value + _varint(0)
        yield _varint(len(inner)) + inner


def _varint(number: int) -> bytes:
    written = bytearray()
    encode_varint(number, written.append)
    return bytes(written)


def send_batch(bootstrap: str, topic: str, partition: int, batch: bytes) -> int:
    """Send a record batch as it is; return the offset of its first message.

    Raises:
        KafkaError: the broker does not take it.
    """

    async def send() -> int:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
            await producer.partitions_for(topic)
            leader = producer.client.cluster.leader_for_partition(TopicPartition(topic, partition))
            request = ProduceRequest(None, -1, 60_000, [(topic, [(partition, batch)])])
            answer = await producer.client.send(leader, request)
        [(_, [(_, code, offset, *_)])] = answer.topics
        if code:
            raise for_code(code)(topic)
        return int(offset)

    return asyncio.run(send())
