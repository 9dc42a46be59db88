"""Apache Kafka itself: one node in KRaft mode, from the jars that `make kafka` keeps."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from servers.programs import ServerMissingError, find_program
from servers.server import Server
from touchline.stack.child import Child
from touchline.stack.ports import HOST, broker_answers, free_port

DEPLOY = Path(__file__).parents[1] / "deploy" / "kafka"
JAVA_OPTIONS = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def jars() -> Path:
    """Return the folder of Kafka's jars, of the version that deploy/kafka/pom.xml names.

    Raises:
        ServerMissingError: it does not exist.
    """
    version = ElementTree.parse(DEPLOY / "pom.xml").findtext(  # noqa: S314  # our own file
        "m:properties/m:kafka.version", namespaces={"m": "http://maven.apache.org/POM/4.0.0"}
    )
    folder = Path.home() / ".cache" / "touchline" / "kafka" / str(version)
    if not folder.is_dir():
        raise ServerMissingError(f"Kafka's jars are not in {folder}: run `make kafka` (needs Maven)")
    return folder


class Kafka(Server):
    """A Kafka node.

    Attributes:
        port: it listens on.
        bootstrap: its address, for `TOUCHLINE_KAFKA`.
        addresses: the same of its further protocols, such as SASL_SSL.
    """

    START_S = 90.0

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        protocols: Mapping[str, str] | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare a node with its data and log in `folder`; `start` runs it.

        Args:
            folder: its own.
            settings: of its own.
            protocols: protocols that it speaks on further ports, each with the host name that it tells clients.
            users: users of SCRAM-SHA-512, each with a password.
        """
        self.port = free_port()
        self.addresses = {protocol: f"{host}:{free_port()}" for protocol, host in (protocols or {}).items()}
        self.bootstrap = f"{HOST}:{self.port}"
        self._folder = folder
        self._own = dict(settings or {})
        self._users = dict(users or {})
        self._settings = folder / "server.properties"
        java = find_program("java", "install a Java 17 runtime")
        options = [*JAVA_OPTIONS, f"-Dlog4j2.configurationFile={DEPLOY / 'log4j2.xml'}"]
        self._java = [java, *options, "-cp", f"{jars()}/*"]
        self.process = Child(
            "kafka",
            [*self._java, "kafka.Kafka", str(self._settings)],
            folder / "kafka.log",
        )
        self._format()

    def _format(self) -> None:
        controller = free_port()
        told = ",".join(f"{name}://{place}" for name, place in {"CLIENT": self.bootstrap, **self.addresses}.items())
        ports = "".join(f",{name}://{HOST}:{place.rpartition(':')[2]}" for name, place in self.addresses.items())
        named = "".join(f",{protocol}:{protocol}" for protocol in self.addresses)
        own = {
            "listeners": f"CLIENT://{self.bootstrap},CONTROLLER://{HOST}:{controller}{ports}",
            "advertised.listeners": told,
            "listener.security.protocol.map": f"CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT{named}",
            "controller.quorum.bootstrap.servers": f"{HOST}:{controller}",
            "log.dirs": str(self._folder / "data"),
            **self._own,
        }
        lines = "".join(f"{name}={value}\n" for name, value in own.items())
        self._settings.write_text((DEPLOY / "server.properties").read_text() + lines)
        cluster = uuid.uuid4().hex[:22]
        arguments = ["format", "--standalone", "-t", cluster, "-c", str(self._settings)]
        for name, password in self._users.items():
            arguments += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        Child(
            "kafka format",
            [*self._java, "kafka.tools.StorageTool", *arguments],
            self._folder / "format.log",
        ).run(self.START_S)

    def answers(self) -> bool:
        """Return whether the node answers."""
        return broker_answers(self.port)

    @property
    def pid(self) -> int:
        """Process id of the node."""
        return self.process.pid
