"""The base of every error of touchline's, and why a message is refused."""

from __future__ import annotations

_MAX_DETAIL = 500


class TouchlineError(Exception):
    """The base of every error that touchline raises: its message says what was wrong, where, and what to do."""


class RefusalError(TouchlineError):
    """A message that is not taken in; the worker sends it to the dead letters and goes on.

    Attributes:
        reason: the contract's word for it, such as `undecodable`.
        detail: what was wrong with it, for the person who reads the dead letters; cut at 500
            characters, since it may show what was sent.
    """

    def __init__(self, reason: str, detail: str) -> None:
        if len(detail) > _MAX_DETAIL:
            detail = f"{detail[: _MAX_DETAIL - 1]}…"
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UndecodableError(RefusalError):
    """The bytes are not a record of the topic's kind."""

    def __init__(self, detail: str) -> None:
        super().__init__("undecodable", detail)


class UnknownSchemaError(RefusalError):
    """The message names a schema that nobody knows: permanent."""

    def __init__(self, detail: str) -> None:
        super().__init__("unknown_schema", detail)
