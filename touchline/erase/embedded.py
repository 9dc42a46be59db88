"""An erasure in `touchline up`: its broker deletes no records, and its sink has the database open as long as it runs.

What is not deleted there is in the broker's memory, and ends with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from streams.kafka.admin_client import AdminClient
from streams.kafka.client import client_options
from streams.settings import Settings
from touchline.erase.left import state_left
from touchline.erase.letters import DeadLetters
from touchline.erase.links import left_in_links
from touchline.erase.order import Erased
from touchline.errors import CommandError
from touchline.stack import EMBEDDED_CLUSTER, wait_until_sink_caught_up

DELETED = "SELECT table, sum(deleted) AS deleted FROM erasures_rows FINAL WHERE erasure_id = '{id}' GROUP BY table"


async def is_embedded(settings: Settings) -> bool:
    """Return whether Kafka is the broker of `touchline up`.

    Raises:
        KafkaError: Kafka does not answer.
    """
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        described = await admin.describe_cluster()
    finally:
        await admin.close()
    return bool(described["cluster_id"] == EMBEDDED_CLUSTER)


def prove(settings: Settings, erased: Erased, wait_s: float) -> Mapping[str, int]:
    """Wait until the sink has deleted the rows; return what is left, by topic.

    Raises:
        CommandError: the sink has not in time.
        KafkaError: Kafka does not answer.
    """
    erasure, rows, _ = erased
    # The partitions tell the sink of the rows before they give their state up.
    left = {"state": asyncio.run(state_left(settings, rows, erasure))}
    asyncio.run(_await_sink(settings, erasure.erasure_id, wait_s))
    left["links in Kafka"] = asyncio.run(left_in_links(settings))
    left["dead letters in Kafka"] = sum(asyncio.run(DeadLetters(settings, rows).count()).values())
    return left


def said_of(erasure_id: str) -> list[str]:
    """Return what a person is told behind the figures, by lines."""
    return [
        "the sink of `touchline up` has deleted the rows",
        "links, dead letters and all other topics are in the memory of its broker, and end with it",
        f'what was deleted: touchline query "{DELETED.format(id=erasure_id)}" --data DIR',
    ]


async def _await_sink(settings: Settings, erasure_id: str, wait_s: float) -> None:
    """Wait until the sink has read all facts that there are: what they order is done before they are acknowledged."""
    try:
        async with asyncio.timeout(wait_s):
            await wait_until_sink_caught_up(settings)
    except TimeoutError:
        raise CommandError(
            f"the sink is not at the end of its topics after {wait_s:g} s: it may not have deleted all rows yet. Ask "
            f"again: touchline erase --check {erasure_id}"
        ) from None
