"""The errors of sinks.

SinkError
├── AddressError
├── TransientWriteError
├── PermanentWriteError
├── QueryError
└── MigrationError
"""

from __future__ import annotations

from schemas.errors import TouchlineError


class SinkError(TouchlineError):
    """The base of every error that a sink raises."""


class AddressError(SinkError):
    """No sink can be opened at an address; the message shows no password."""


class TransientWriteError(SinkError):
    """The sink was out of reach or overloaded: send the same again, after a pause.

    Whether the rows arrived is unknown. Sending them again is safe: each row carries its own key and version.
    """


class PermanentWriteError(SinkError):
    """The rows or the tables are wrong: the same rows would fail again."""


class QueryError(SinkError):
    """The sink refused a query; the message is the sink's own."""


class MigrationError(SinkError):
    """The database or its tables, and the migrations of this release, do not fit each other."""
