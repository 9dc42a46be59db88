"""Errors of the embedded stack; their messages are for the person who started it."""

from __future__ import annotations

import signal

from schemas.errors import TouchlineError


class StackError(TouchlineError):
    """The stack cannot run; the message says what is wrong and what to do."""


class ChildExitedError(StackError):
    """A child process ended by itself.

    Attributes:
        name: of the child.
        tail: the last lines of its log.
    """

    def __init__(self, name: str, status: int, tail: str) -> None:
        how = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
        super().__init__(f"{name} ended unexpectedly ({how}); its last lines:\n{tail}")
        self.name = name
        self.tail = tail
