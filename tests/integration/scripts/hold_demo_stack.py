"""Starts the whole stack with its database in the folder named, says so, and waits to be killed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from touchline.demo import running_stack

with running_stack(Path(sys.argv[1])) as (stack, _):
    stack.start_sink()
    stack.start_workers(2)
    print(f"running {stack.kafka}", flush=True)  # noqa: T201  # how the test hears of it
    signal.pause()
