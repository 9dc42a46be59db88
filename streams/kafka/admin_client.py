"""aiokafka's admin client, which waits for a broker that has no connection yet instead of failing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import NodeNotReadyError
from typing_extensions import override

READY_WITHIN_S = 10.0
"""How long a broker is waited for: one that is starting tells of itself a little before it takes connections."""
ASK_AGAIN_S = 0.2

T = TypeVar("T")


class AdminClient(AIOKafkaAdminClient):  # type: ignore[misc]  # aiokafka has no types for it
    """Sends each request once there is a connection; a request for any broker goes to another one meanwhile.

    aiokafka raises a `NodeNotReadyError` before it has sent anything: so nothing is asked for twice.
    """

    @override
    async def _send_request(self, request: Any, node_id: int | None = None) -> Any:
        return await _when_ready(lambda: super(AdminClient, self)._send_request(request, node_id))

    @override
    async def _send_request_to_node(self, node_id: int, request: Any) -> Any:
        return await _when_ready(lambda: super(AdminClient, self)._send_request_to_node(node_id, request))


async def _when_ready(ask: Callable[[], Awaitable[T]]) -> T:
    """Return what is answered, once a connection is there; raise the error of its absence after a while."""
    loop = asyncio.get_running_loop()
    until = loop.time() + READY_WITHIN_S
    while True:
        try:
            return await ask()
        except NodeNotReadyError:
            if loop.time() > until:
                raise
        await asyncio.sleep(ASK_AGAIN_S)
