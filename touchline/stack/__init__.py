"""The stack that runs on one machine with no server to install: embedded broker, workers, sink."""

from touchline.stack.errors import ChildDied, StackError
from touchline.stack.progress import Progress, caught_up
from touchline.stack.stack import Stack

__all__ = ["ChildDied", "Progress", "Stack", "StackError", "caught_up"]
