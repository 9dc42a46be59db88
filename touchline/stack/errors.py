"""What can go wrong with the stack, said for the person who started it."""

from __future__ import annotations

import signal

from schemas.errors import TouchlineError


class StackError(TouchlineError):
    """The stack cannot run; the message says what is wrong and what to do."""


class ChildExitedError(StackError):  # the name says what happened
    """A child process ended that should have gone on.

    Attributes:
        name: what the child was started as.
        tail: the last lines of its log.
    """

    def __init__(self, name: str, status: int, tail: str) -> None:
        how = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
        super().__init__(f"{name} ended unexpectedly ({how}); its last lines:\n{tail}")
        self.name = name
        self.tail = tail
