"""What the sink deletes: rows and dead letters of those who were erased, when it has stored all rows before."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from schemas.erasures import ErasedRows
from sinks.database import Database
from sinks.erasing import erase, erase_letters, note_done, together
from streams.agents.erased_letters import LetterSearch
from streams.settings import Settings

IDENTITIES = "identities"
"""With the rows of this table the dead letters are deleted."""
TOUCHPOINTS = "touchpoints"
"""With the rows of this table the outcomes are deleted, behind them."""
log = structlog.get_logger(__name__)


class RowsEraser:
    """Deletes rows of those who were erased; what it does may be repeated.

    Args:
        settings: of the process.
        database: holds the rows.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._letters = LetterSearch(settings)

    def erase(self, table: str, messages: Sequence[ErasedRows]) -> None:
        """Delete the rows of which messages behind those of a table speak; blocks.

        Raises:
            TransientWriteError: the database is out of reach; to be repeated.
            PermanentWriteError: the database refuses it.
        """
        for group in together(table, messages):
            self._erase(table, group)

    def _erase(self, table: str, group: Sequence[ErasedRows]) -> None:
        """Delete the rows of which messages of one order speak."""
        deleted = {table: erase(self._database, table, *group)}
        if table == TOUCHPOINTS:
            deleted["outcomes"] = erase(self._database, "outcomes", *group)
        elif table == IDENTITIES:
            found = [letter for erased in group for letter in self._letters.find(self._database, erased)]
            deleted["dead_letters"] = erase_letters(self._database, found)
        for name, rows in deleted.items():
            note_done(self._database, name, group, rows)
        log.info("rows of somebody who was erased are deleted", erasure_id=group[0].erasure_id, **deleted)
