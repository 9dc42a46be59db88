"""Debian's clickhouse-server (18.16): old, but a real server, to be killed and restarted."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.process import need_program, watch
from touchline.stack.child import Child
from touchline.stack.ports import HOST, free_port

START_S = 60.0

CONFIG = """<?xml version="1.0"?>
<yandex>
    <logger>
        <level>information</level>
        <console>1</console>
    </logger>
    <listen_host>{host}</listen_host>
    <http_port>{http}</http_port>
    <tcp_port>{native}</tcp_port>
    <interserver_http_port>{interserver}</interserver_http_port>
    <interserver_http_host>{host}</interserver_http_host>
    <path>{folder}/data/</path>
    <tmp_path>{folder}/tmp/</tmp_path>
    <user_files_path>{folder}/user_files/</user_files_path>
    <format_schema_path>{folder}/format_schemas/</format_schema_path>
    <users_config>{folder}/users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
    <timezone>UTC</timezone>
    <mark_cache_size>67108864</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <max_connections>256</max_connections>
</yandex>
"""

USERS = """<?xml version="1.0"?>
<yandex>
    <profiles>
        <default>
            <max_memory_usage>2000000000</max_memory_usage>
        </default>
        <reader>
            <readonly>2</readonly>
        </reader>
    </profiles>
    <users>
        <default>
            <password></password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
        </default>
        <guarded>
            <password>s3cret</password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
        </guarded>
    </users>
    <quotas><default></default></quotas>
</yandex>
"""


class ClickHouseServer:
    """A server whose ports and data stay the same when it is stopped, killed and started again."""

    def __init__(self, folder: Path) -> None:
        """Prepare a server with its data and log in `folder`; `start` runs it."""
        program = need_program("clickhouse-server", "install Debian's package clickhouse-server")
        self.host = HOST
        self.native_port = free_port()
        self.http_port = free_port()
        config = CONFIG.format(
            host=HOST,
            folder=folder,
            native=self.native_port,
            http=self.http_port,
            interserver=free_port(),
        )
        (folder / "config.xml").write_text(config)
        (folder / "users.xml").write_text(USERS)
        self._server = watch(
            Child(
                "clickhouse-server",
                [program, f"--config-file={folder / 'config.xml'}"],
                folder / "clickhouse-server.log",
            )
        )

    def url(self, database: str = "touchline", user: str = "default", password: str = "") -> str:
        """Return the server's address as `TOUCHLINE_CLICKHOUSE` takes it."""
        credentials = f"{user}:{password}" if password else user
        return f"clickhouse://{credentials}@{self.host}:{self.native_port}/{database}"

    def start(self) -> None:
        """Start the server on its data, and wait until it answers."""
        self._server.start()
        self._server.wait_ready(self._answers, START_S)

    def ensure_running(self) -> None:
        """Start the server if a test left it stopped."""
        if not self._server.running:
            self.start()

    def stop(self) -> None:
        """Stop the server in an orderly way; its data stay."""
        self._server.stop()

    def kill9(self) -> None:
        """Kill the server; its data stay as they were at that moment."""
        self._server.kill9()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.http_port}/?query=SELECT%201", timeout=2) as answer:
                return bool(answer.read() == b"1\n")
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(scope="module")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A server, running at the start of every test that asks for it; tests drop what they create."""
    server = ClickHouseServer(tmp_path_factory.mktemp("clickhouse"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
