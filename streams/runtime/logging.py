"""Logging, of ourselves and of the libraries alike: one stream of lines, JSON or for a console."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from streams.settings import Settings, mask

LIBRARIES = ("faust", "mode", "aiokafka", "clickhouse_driver", "asyncio", "kafka")
SAY_AGAIN_S = 60.0
MOST_REMEMBERED = 1000


def configure(settings: Settings) -> None:
    """Send every log line to stderr, in the settings' format; libraries' only from WARNING on."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _mask_secrets,
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
                *_renderers(settings.log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    if settings.log_level != "DEBUG":
        handler.addFilter(Seldom())
        for name in LIBRARIES:
            logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
        # Faust's timers complain of every slow commit; a rebalance or a busy machine is no fault.
        logging.getLogger("mode.timers").setLevel(logging.ERROR)


class Seldom(logging.Filter):
    """Lets a library say the same thing only once in a while.

    While Kafka is away, aiokafka says so a hundred times a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is new, or was last let through `SAY_AGAIN_S` ago; ours always are."""
        if record.name.partition(".")[0] not in LIBRARIES:
            return True
        now = self._clock()
        # The text before its values are put in, which may differ each time.
        what = (record.name, str(record.msg))
        said = self._said.get(what)
        if said is not None and now - said < SAY_AGAIN_S:
            return False
        if len(self._said) >= MOST_REMEMBERED:
            self._said.clear()
        self._said[what] = now
        return True


def _renderers(log_format: str) -> list[Processor]:
    if log_format == "console" or (log_format == "auto" and sys.stderr.isatty()):
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _mask_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {name: mask(value) if isinstance(value, str) else value for name, value in event.items()}
