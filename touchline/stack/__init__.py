"""The stack that runs on one machine with no server to install: embedded broker, workers, sink."""

from touchline.stack.errors import ChildExitedError, StackError
from touchline.stack.progress import Progress, wait_until_caught_up
from touchline.stack.stack import Stack

__all__ = ["ChildExitedError", "Progress", "Stack", "StackError", "wait_until_caught_up"]
