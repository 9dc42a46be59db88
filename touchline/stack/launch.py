"""Becomes another program that dies with its parent process.

Run as a script: `python -I -S launch.py PARENT_PID PROGRAM ARGUMENT…`. On Linux the kernel then
kills the program when its parent ends, by `kill -9` too; other systems only start it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From `linux/prctl.h`; it outlives the exec."""


def main() -> None:
    """Tie this process to its parent, then become the program.

    Raises:
        SystemExit: the parent was already gone, or the program could not be started.
    """
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the tie was made
            raise SystemExit(1)
    try:
        os.execvp(program[0], program)  # noqa: S606  # this is what the module is for
    except OSError as error:
        raise SystemExit(f"{program[0]}: {error.strerror}") from error


if __name__ == "__main__":
    main()
