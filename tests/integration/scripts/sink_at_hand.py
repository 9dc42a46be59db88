"""Runs a sink whose database a test can reach: statements in `*.sql` of the folder named are run, one after another.

An embedded database is open in one process only. The answer to `1.sql` is `1.done`.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import streams.process.run
from sinks.database import Database, select
from sinks.open import open_beside
from sinks.writer import Writer
from streams.agents import reconciling
from streams.settings import load

folder = Path(sys.argv[1])


def open_at_hand(writer: Writer, url: str) -> Database | None:
    database = open_beside(writer, url)
    assert database is not None
    threading.Thread(target=obey, args=(database,), daemon=True).start()
    return database


def obey(database: Database) -> None:
    while True:
        for asked in sorted(folder.glob("*.sql")):
            sql = asked.read_text()
            answer: list[list[object]] = []
            if sql.startswith("SELECT"):
                answer = select(database, sql)
            else:
                database.execute(sql)
            asked.unlink()
            unfinished = asked.with_suffix(".part")
            unfinished.write_text(str(answer))
            unfinished.rename(asked.with_suffix(".done"))
        time.sleep(0.02)


streams.process.run.open_beside = open_at_hand  # type: ignore[attr-defined]  # imported there by name
reconciling.REST = 1
streams.process.run.run_sink(load())
