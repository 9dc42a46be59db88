"""Apache Kafka itself: one node in KRaft mode, from the jars that `make kafka` keeps."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from servers.programs import ServerMissingError, find_program
from touchline.stack.child import Child
from touchline.stack.ports import HOST, broker_answers, free_port

DEPLOY = Path(__file__).parents[1] / "deploy" / "kafka"
START_S = 90.0
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


class Kafka:
    """A Kafka node; its port and data stay when it is stopped, killed and started again.

    Attributes:
        port: it listens on.
        bootstrap: its address, for `TOUCHLINE_KAFKA`.
        process: the node itself.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Prepare a node with its data and log in `folder`, and `settings` of its own; `start` runs it."""
        self.port = free_port()
        self.bootstrap = f"{HOST}:{self.port}"
        self._folder = folder
        self._own = dict(settings or {})
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
        listeners = f"CLIENT://{self.bootstrap},CONTROLLER://{HOST}:{controller}"
        own = {
            "listeners": listeners,
            "advertised.listeners": f"CLIENT://{self.bootstrap}",
            "controller.quorum.bootstrap.servers": f"{HOST}:{controller}",
            "log.dirs": str(self._folder / "data"),
            **self._own,
        }
        lines = "".join(f"{name}={value}\n" for name, value in own.items())
        self._settings.write_text((DEPLOY / "server.properties").read_text() + lines)
        cluster = uuid.uuid4().hex[:22]
        arguments = ["format", "--standalone", "-t", cluster, "-c", str(self._settings)]
        Child(
            "kafka format",
            [*self._java, "kafka.tools.StorageTool", *arguments],
            self._folder / "format.log",
        ).run(START_S)

    def start(self) -> None:
        """Start the node on its data, and wait until it answers."""
        self.process.start()
        self.process.wait_ready(lambda: broker_answers(self.port), START_S)

    @property
    def pid(self) -> int:
        """Process id of the node."""
        return self.process.pid

    def ensure_running(self) -> None:
        """Start the node if a test left it stopped."""
        if not self.process.running:
            self.start()

    def stop(self) -> None:
        """Stop the node in an orderly way; its data stay."""
        self.process.stop()

    def kill9(self) -> None:
        """Kill the node; its data stay as they were at that moment."""
        self.process.kill9()
