"""Starts an embedded broker in the folder named, says so, and then waits to be killed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from touchline.stack import Stack

folder = Path(sys.argv[1])
with Stack(folder, folder / "database") as stack:
    stack.start_broker()
    print(f"running {stack.kafka}", flush=True)  # noqa: T201  # how the test hears of it
    signal.pause()
