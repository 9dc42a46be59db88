"""The protocol of what stores rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sinks.tables import Row


class Writer(Protocol):
    """Stores rows.

    All methods block. Several threads may call them; one call runs at a time.
    """

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows of one table; when it returns, the sink has them.

        Args:
            table: a name in `schemas.rows.TABLES`.
            rows: arrays of the fields of that table's row type, in its order.

        Raises:
            TransientWriteError: the identical rows may be sent again.
            PermanentWriteError: the sink will never take these rows.
        """
        ...

    def ping(self) -> None:
        """Return when the sink answers.

        Raises:
            TransientWriteError: it does not answer.
            PermanentWriteError: it answers, and refuses the login.
        """
        ...

    def close(self) -> None:
        """Release the sink; no other method may be called afterwards."""
        ...
