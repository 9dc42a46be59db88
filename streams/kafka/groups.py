"""The consumer groups of workers and sinks: who is in them, and making them forget what they have read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka.errors import GroupIdNotFound, NonEmptyGroup, for_code
from aiokafka.protocol.admin import DeleteGroupsRequest

from streams.kafka.admin_client import AdminClient
from streams.kafka.client import BrokerError, client_options
from streams.settings import Settings, is_group


async def group_members(settings: Settings) -> Mapping[str, list[str]]:
    """Return the hosts of the members of every group of workers or sinks, by group, whatever its suffix.

    A member that died stays in its group until its session times out.

    Raises:
        KafkaError: no broker answers, or it refuses to tell.
    """
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        ours = sorted(name for name, *_ in await admin.list_consumer_groups() if is_group(name))
        # One by one: aiokafka 0.14 reads the answer of version 3 as one of version 2, which holds for one group alone.
        answers = [answer for name in ours for answer in await admin.describe_consumer_groups([name])]
    finally:
        await admin.close()
    described = [group for answer in answers for group in answer.to_object()["groups"]]
    for group in described:
        if group["error_code"]:
            raise for_code(group["error_code"])(f"group {group['group']} could not be described")
    return {group["group"]: [member["client_host"].lstrip("/") for member in group["members"]] for group in described}


async def forget_groups(settings: Settings, names: Iterable[str]) -> None:
    """Delete groups, and with them the offsets that they have committed; one that is gone is passed over.

    Raises:
        BrokerError: a group has members, or the broker refused it.
        KafkaError: no broker answers.
    """
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        for name in names:
            coordinator = await admin.find_coordinator(name)
            # aiokafka has the request, and no method for it.
            answer = await admin._send_request(DeleteGroupsRequest([name]), coordinator)
            check_deleted(answer.results)
    finally:
        await admin.close()


def check_deleted(results: Iterable[tuple[str, int]]) -> None:
    """Raise a BrokerError if a group is still there.

    Args:
        results: the broker's answer: each group, and its error code, 0 where there is none.
    """
    for name, code in results:
        error = for_code(code)
        if error is NonEmptyGroup:
            raise BrokerError(f"a process has joined the group {name} meanwhile: stop it, and run this again")
        if code and error is not GroupIdNotFound:
            raise BrokerError(f"the offsets of the group {name} could not be deleted: {error.description}")
