"""Counts the fields of JSON messages that their kind does not have, and logs a sample of them."""

from __future__ import annotations

import structlog

from schemas.text import shortened
from streams.runtime.logging import Sampler
from streams.runtime.telemetry import Telemetry

_SHOWN = 5
"""Names of one message that are logged."""
_NAME_CHARACTERS = 40

log = structlog.get_logger(__name__)


class UnknownFields:
    """Takes note of unknown fields; their messages are read without them.

    Args:
        telemetry: where they are counted, by kind: their names are the producers' to choose.
        show_names: whether they may be logged: a producer may take an identifier for a field's name.
    """

    def __init__(self, telemetry: Telemetry, *, show_names: bool = True) -> None:
        self._telemetry = telemetry
        self._show_names = show_names
        self._sampler = Sampler()

    def note(self, kind: str, names: list[str]) -> None:
        """Count the unknown fields of one message; log the first message of a kind, and then one a minute."""
        self._telemetry.unknown_fields.labels(kind).inc(len(names))
        if count := self._sampler.count(kind):
            log.warning(
                "messages in JSON have fields that their kind does not have; these fields are not read",
                kind=kind,
                fields=[shortened(name, _NAME_CHARACTERS) for name in names[:_SHOWN]]
                if self._show_names
                else "not shown",
                messages_since_last_logged=count,
            )
