"""Ending the process on an unexpected error, so that nothing that failed is acknowledged."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import structlog

from schemas.text import shortened

_last_acts: list[Callable[[], None]] = []
"""What is done before this process ends on an error; the process is what they belong to, so they are global."""

log = structlog.get_logger(__name__)


@contextmanager
def before_exit(act: Callable[[], None]) -> Iterator[None]:
    """Have something done if an error ends the process inside the block: it holds the event loop up, and may fail."""
    _last_acts.append(act)
    try:
        yield
    finally:
        _last_acts.remove(act)


@contextmanager
def exit_on_error(where: str) -> Iterator[None]:
    """End the process on any exception but a cancellation (a rebalance, or an orderly stop).

    Faust would restart the agent with the events after the failed one, and so lose that one. A new
    process reads it again from the last commit.
    """
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as error:  # this is where the process ends, on any of them
        exit_with(where, error)


def exit_with(where: str, error: BaseException) -> NoReturn:
    """Log an error, print its cause as the last line, and end the process with status 1."""
    log.critical("stopped by an unexpected error", where=where, exc_info=error)
    for act in reversed(_last_acts):
        try:
            act()
        except Exception as failure:  # the process ends all the same
            log.warning("not done before the end", what=act.__name__, cause=repr(failure))
    print_cause(where, error)
    os._exit(1)


def print_cause(where: str, error: BaseException) -> None:
    """Write the cause as the last line of stderr, after all that was logged."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    cause = shortened(str(error) or type(error).__name__)
    sys.stderr.write(f"touchline: {where} stopped: {cause}\n")
    sys.stderr.flush()
