"""A test that leaves a shared server dead spoils no other: run in this order, on purpose."""

from __future__ import annotations

import pytest
from clickhouse_driver import Client

from servers.clickhouse import ClickHouseServer

pytestmark = pytest.mark.clickhouse


def test_one_leaves_it_dead(clickhouse_server: ClickHouseServer) -> None:
    clickhouse_server.kill9()


def test_the_next_finds_it_running(clickhouse_server: ClickHouseServer) -> None:
    with Client.from_url(clickhouse_server.url("default")) as client:
        assert client.execute("SELECT 1") == [(1,)]
