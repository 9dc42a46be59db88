"""What the real servers have in common: they are started, stopped, killed and started again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from touchline.stack.child import Child


class Server(ABC):
    """A server whose ports and data stay the same when it is stopped, killed and started again.

    Attributes:
        START_S: how long it may take to start, s.
        process: the server itself.
    """

    START_S: ClassVar[float]
    process: Child

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the server answers now."""

    def start(self) -> None:
        """Start the server on its data, and wait until it answers."""
        self.process.start()
        self.process.wait_ready(self.answers, self.START_S)

    def ensure_running(self) -> None:
        """Start the server if a test left it stopped."""
        if not self.process.running:
            self.start()

    def stop(self) -> None:
        """Stop the server in an orderly way; its data stay."""
        self.process.stop()

    def kill9(self) -> None:
        """Kill the server; its data stay as they were at that moment."""
        self.process.kill9()
