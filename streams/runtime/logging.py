"""Logging, our own and the libraries': one stream of lines, JSON or for a console, in which outside text is escaped."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from schemas.text import printable, printable_lines, shortened
from streams.settings import Settings, mask

_REASONS = {"cause", "reason", "detail"}
"""The fields that say why: they may quote what others wrote, at any length."""
_OF_LINES = {"exception", "stack"}
"""The fields that have several lines."""

LIBRARIES = ("faust", "mode", "aiokafka", "clickhouse_driver", "asyncio", "kafka", "uvicorn")
REPEAT_AFTER_S = 60.0
MAX_REMEMBERED = 1000


def configure(settings: Settings) -> None:
    """Send every log line to stderr, in the settings' format; libraries' only from WARNING on."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _mask_secrets,
        _shorten_reasons,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderers(settings.log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    if settings.log_level != "DEBUG":
        handler.addFilter(RateLimitFilter())
        for name in LIBRARIES:
            logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
        # Faust's timers warn of every slow commit, though a rebalance or a busy machine explains it.
        logging.getLogger("mode.timers").setLevel(logging.ERROR)


class RateLimitFilter(logging.Filter):
    """Drops what a library has logged less than `REPEAT_AFTER_S` seconds ago.

    While Kafka is away, aiokafka logs that a hundred times a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._logged_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be logged; our own always are."""
        if record.name.partition(".")[0] not in LIBRARIES:
            return True
        now = self._clock()
        # The text before its values are put in, which may differ each time.
        message = (record.name, str(record.msg))
        logged_at = self._logged_at.get(message)
        if logged_at is not None and now - logged_at < REPEAT_AFTER_S:
            return False
        if len(self._logged_at) >= MAX_REMEMBERED:
            self._logged_at.clear()
        self._logged_at[message] = now
        return True


class Sampler:
    """Chooses which of many alike events to log: the first, and then one a minute, with how many there were since.

    Args:
        clock: tells seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at: dict[Hashable, float] = {}
        self._since: Counter[Hashable] = Counter()

    def count(self, key: Hashable) -> int:
        """Count one event of those that are alike; return how many to log, itself included, 0 for none yet.

        Args:
            key: what they have in common; one of few, as all are remembered.
        """
        self._since[key] += 1
        logged_at = self._logged_at.get(key)
        if logged_at is not None and self._clock() - logged_at < REPEAT_AFTER_S:
            return 0
        self._logged_at[key] = self._clock()
        return self._since.pop(key)


def renderers(log_format: str) -> list[Processor]:
    """Return what makes a line of an event, in a format of `TOUCHLINE_LOG_FORMAT`."""
    if log_format == "console" or (log_format == "auto" and sys.stderr.isatty()):
        # Not with rich's tracebacks, which is the default: they show the values of variables, customers' data too.
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        return [structlog.processors.format_exc_info, _escape, console]
    # JSON escapes all that is not ASCII.
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _escape(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Escape before the console's colours are added, which are escapes themselves; it shows other values by `repr`."""
    event["event"] = str(event.get("event", ""))
    return {
        printable(name): (printable_lines if name in _OF_LINES else printable)(value)
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def _shorten_reasons(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {
        name: shortened(value) if name in _REASONS and isinstance(value, str) else value
        for name, value in event.items()
    }


def _mask_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {name: mask(value) if isinstance(value, str) else value for name, value in event.items()}
