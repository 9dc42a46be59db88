"""Writes into an embedded ClickHouse whose disk is filled in between: `full_disk.py DISK`; prints JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from sinks.database import select
from sinks.errors import SinkError
from sinks.migrate import migrate
from tests.contract.engine import Engine, open_engine
from tests.contract.facts_rows import PLAIN
from tests.servers.small_disk import fill, make_room

STORED = "SELECT event_id FROM touchpoints ORDER BY event_id"


def write(database: Engine, event_id: str) -> str:
    """Write one row; return the name of the error, empty without one."""
    row = msgspec.structs.replace(PLAIN["touchpoints"], event_id=event_id)
    try:
        database.write("touchpoints", [msgspec.structs.astuple(row)])
    except SinkError as error:
        return type(error).__name__
    return ""


disk = Path(sys.argv[1])
database = open_engine(f"chdb://{disk / 'database'}")
migrate(database)
errors = [write(database, "a")]
fill(disk)
errors += [write(database, "b"), write(database, "b")]
full = select(database, STORED)
make_room(disk)
errors.append(write(database, "b"))
json.dump({"errors": errors, "full": full, "after": select(database, STORED)}, sys.stdout)
database.close()
