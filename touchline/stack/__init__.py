"""The embedded stack, which needs no server: broker, workers and sink as child processes."""

from touchline.stack.errors import ChildExitedError, StackError
from touchline.stack.progress import Progress, Stage, wait_until_caught_up, wait_until_sink_caught_up
from touchline.stack.stack import EMBEDDED_CLUSTER, Stack

__all__ = [
    "EMBEDDED_CLUSTER",
    "ChildExitedError",
    "Progress",
    "Stack",
    "StackError",
    "Stage",
    "wait_until_caught_up",
    "wait_until_sink_caught_up",
]
