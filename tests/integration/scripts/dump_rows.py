"""Writes all rows of the embedded database in the folder named to standard output, as JSON."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from sinks.open import open_database
from tests.servers.rows import rows_of

database = open_database(f"chdb://{Path(sys.argv[1]).absolute()}")
sys.stdout.buffer.write(msgspec.json.encode(rows_of(database)))
database.close()
