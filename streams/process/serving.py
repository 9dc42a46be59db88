"""Running a process's coroutine to its end: what is logged, and the exit status."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import structlog
import uvloop

from streams.runtime import logging
from streams.runtime.exit import exit_with, print_cause
from streams.runtime.metric import Role
from streams.settings import Settings

log = structlog.get_logger(__name__)


def run_to_end(
    settings: Settings, role: Role, serving: Coroutine[object, object, None], causes: tuple[type[Exception], ...]
) -> int:
    """Run until a process has done its work, or is stopped; return the exit status.

    Args:
        settings: are logged, and say how to log.
        role: the process's.
        serving: what it does.
        causes: the errors that end it in order, each explained by its message; any other is logged whole.
    """
    logging.configure(settings)
    log.info("starting", role=role, **settings.shown())
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serving)
    except causes as error:
        print_cause(role, error)
        return 1
    except Exception as error:  # nothing above handles it: it is logged, and printed as the cause
        exit_with(role, error)
    log.info("stopped", role=role)
    return 0
