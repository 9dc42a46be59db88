"""The sample, rebuilt from 4 to 6 partitions and back into the same 6 by two workers: not a row differs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from servers.kafka import Kafka
from tests.integration.installation import Installation, whatever_the_partition
from tests.servers.rows import differences

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.kafka,
    pytest.mark.embedded,
    pytest.mark.skipif("CHAOS_SAMPLE" not in os.environ, reason="takes minutes: make chaos"),
]

SAMPLE = Path(__file__).parents[2] / "touchline" / "sample.jsonl"


def test_the_same_inputs_give_the_same_rows_whatever_the_number_of_partitions(kafka: Kafka, tmp_path: Path) -> None:
    installation = Installation(kafka, tmp_path, partitions=4)
    installation.pipeline.publish(SAMPLE)
    installation.start(workers=2)
    on_four = installation.stop()

    installation.set_partitions(6)
    installation.rebuild()
    installation.start(workers=2)
    on_six = installation.stop()
    assert differences(whatever_the_partition(on_four), whatever_the_partition(on_six)) == []
    assert [table for table, rows in on_six.items() if not rows and table not in {"dead_letters", "superseded"}] == []

    installation.rebuild()
    installation.start(workers=2)
    assert differences(on_six, installation.stop()) == []
