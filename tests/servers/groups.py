"""Consumer groups, as Kafka knows them."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient


async def state_of(bootstrap: str, group: str) -> tuple[str, int]:
    """Return a group's state, such as `Stable`, or `Empty` without members, and the number of its members."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (response,) = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    ((_error, _name, state, _type, _protocol, members, *_rest),) = response.groups
    return state, len(members)
