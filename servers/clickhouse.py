"""Debian's clickhouse-server (18.16): old, but a real server, to be killed and restarted."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from servers.programs import find_program
from servers.server import Server
from touchline.stack.child import Child
from touchline.stack.ports import HOST, free_port

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


class ClickHouseServer(Server):
    """A ClickHouse.

    Attributes:
        host, native_port, http_port: where it listens.
    """

    START_S = 60.0

    def __init__(self, folder: Path) -> None:
        """Prepare a server with its data and log in `folder`; `start` runs it."""
        program = find_program("clickhouse-server", "install Debian's package clickhouse-server")
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
        self.process = Child(
            "clickhouse-server",
            [program, f"--config-file={folder / 'config.xml'}"],
            folder / "clickhouse-server.log",
        )

    def url(self, database: str = "touchline", user: str = "default", password: str = "") -> str:
        """Return the server's address as `TOUCHLINE_CLICKHOUSE` takes it."""
        credentials = f"{user}:{password}" if password else user
        return f"clickhouse://{credentials}@{self.host}:{self.native_port}/{database}"

    def answers(self) -> bool:
        """Return whether the server answers a query over HTTP."""
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.http_port}/?query=SELECT%201", timeout=2) as answer:
                return bool(answer.read() == b"1\n")
        except (urllib.error.URLError, OSError):
            return False
