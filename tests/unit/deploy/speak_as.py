"""Speaks to an embedded ClickHouse as the user that its working directory's `config.xml` makes the default one.

python speak_as.py FOLDER migrate        makes the project's tables in it
python speak_as.py FOLDER < statements   runs a JSON list of statements; prints a list of [result, error]
"""

from __future__ import annotations

import json
import sys

from chdb.session import Session

from sinks.migrate import migrate
from sinks.open import open_database


def run(session: Session, statement: str) -> tuple[str, str]:
    """Return what a statement gives, and what was wrong with it."""
    try:
        return str(session.query(statement, "TSV")), ""
    except Exception as error:  # whatever it is, the test judges it
        return "", str(error)


if __name__ == "__main__":
    if sys.argv[2:] == ["migrate"]:
        database = open_database(f"chdb://{sys.argv[1]}")
        migrate(database, retention_days=30)
        database.close()
    else:
        session = Session(sys.argv[1])
        print(json.dumps([run(session, statement) for statement in json.load(sys.stdin)]))  # noqa: T201  # its output
