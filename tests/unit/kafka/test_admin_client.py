"""The admin client waits for a broker without a connection, and asks another one meanwhile; nothing is sent twice."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import NodeNotReadyError, RequestTimedOutError

from streams.kafka import admin_client
from streams.kafka.admin_client import AdminClient


class Connections:
    """In place of aiokafka's: to node 1 there is one from the first on, to node 2 from some attempt on."""

    _request_timeout_ms = 1000
    _retry_backoff = 0.001

    def __init__(self, ready_at: int) -> None:
        self.ready_at = ready_at
        self.attempts: list[int] = []
        self.sent: list[int] = []
        self.error: Exception | None = None
        self.nodes = [2]

    def get_random_node(self) -> int:
        return self.nodes.pop(0) if len(self.nodes) > 1 else self.nodes[0]

    async def ready(self, _node: int) -> bool:
        return True

    async def send(self, node: int, _request: object) -> str:
        self.attempts.append(node)
        if node == 2 and len(self.attempts) < self.ready_at:
            raise NodeNotReadyError
        self.sent.append(node)
        if self.error is not None:
            raise self.error
        return f"node {node}"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_client, "ASK_AGAIN_S", 0.001)


def client(connections: Connections) -> Any:
    made: Any = AdminClient(bootstrap_servers="here:9092")
    made._client = connections
    return made


async def test_a_broker_that_takes_no_connection_yet_is_asked_again() -> None:
    anyone, controller = Connections(ready_at=4), Connections(ready_at=4)

    assert await client(anyone)._send_request("metadata") == "node 2"
    assert await client(controller)._send_request_to_node(2, "create") == "node 2"

    assert (anyone.attempts, anyone.sent) == ([2] * 4, [2])
    assert (controller.attempts, controller.sent) == ([2] * 4, [2])


async def test_what_any_broker_can_tell_another_one_is_asked() -> None:
    connections = Connections(ready_at=99)
    connections.nodes = [2, 1]

    assert await client(connections)._send_request("metadata") == "node 1"


async def test_one_that_never_takes_a_connection_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_client, "READY_WITHIN_S", 0.02)

    with pytest.raises(NodeNotReadyError):
        await client(Connections(ready_at=10**6))._send_request("metadata")


async def test_a_request_that_was_sent_is_not_sent_again() -> None:
    connections = Connections(ready_at=0)
    connections.error = RequestTimedOutError()

    with pytest.raises(RequestTimedOutError):
        await client(connections)._send_request_to_node(2, "create")

    assert connections.sent == [2]
