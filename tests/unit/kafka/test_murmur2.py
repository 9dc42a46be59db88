"""The hash of keys is that of Kafka's producers, whatever the length."""

from __future__ import annotations

import aiokafka.partitioner
import pytest

from streams.kafka.murmur2 import murmur2


@pytest.mark.parametrize("length", [*range(13), 5_120, 5_121, 5_122, 5_123])
def test_keys_of_any_length_have_the_hash_that_aiokafka_gives_them(length: int) -> None:
    key = bytes(7 * at % 256 for at in range(length))

    assert murmur2(key) == aiokafka.partitioner.murmur2(key) & 0xFFFFFFFF
