"""Writes sinks/functions.txt, the functions that a query may call: run `python docs/functions.py` after an upgrade.

It takes the names from the embedded ClickHouse and sorts them. Look at what the file gained: a new function that
reaches files, addresses or programs, or changes anything, goes into `REACHING`.
"""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Iterable
from pathlib import Path

from sinks.chdb.database import ChdbDatabase
from sinks.database import select

FILE = Path(__file__).parents[1] / "sinks" / "functions.txt"

CATEGORIES = {"AI", "Dictionary", "Embedded Dictionary", "Introspection"}
"""The categories whose functions call services, load dictionaries, or look into the server."""

REACHING = {
    # Files and models.
    *("file", "filesystemAvailable", "filesystemCapacity", "filesystemFree", "filesystemUnreserved"),
    *("catboostEvaluate", "modelEvaluate", "naiveBayesClassifier", "naiveBayesClassifierWithAllProbs"),
    *("naiveBayesClassifierWithProb", "showCertificate"),
    # Addresses: other servers, name servers, Keeper.
    *("hasColumnInTable", "reverseDNSQuery", "FQDN", "fullHostName", "generateSerialID", "zookeeperSessionUptime"),
    *("transactionID", "transactionLatestSnapshot", "transactionOldestSnapshot"),
    # They hold a server up, or write to its log.
    *("sleep", "sleepEachRow", "logTrace", "flameGraph", "trap"),
}
"""Functions that reach outside of the tables; servers have some that the embedded engine lacks."""

HEAD = """\
# The functions and types of ClickHouse by which `touchline query` takes a call: written by docs/functions.py.
# Upper and lower case make no difference here: the engine knows which is right.
"""


def sections() -> dict[str, set[str]]:
    """Return the names by section, all in small letters."""
    with tempfile.TemporaryDirectory() as folder:
        database = ChdbDatabase(folder)
        database.execute("CREATE DATABASE touchline")
        functions = select(database, "SELECT name, alias_to, categories, is_aggregate FROM system.functions")
        types = select(database, "SELECT name FROM system.data_type_families")
        combinators = select(database, "SELECT name FROM system.aggregate_function_combinators")
        database.close()
    reaching = {str(name) for name, _, categories, _ in functions if categories in CATEGORIES} | REACHING
    reaching |= {str(name) for name, alias_to, *_ in functions if alias_to in reaching}
    known = {str(name): bool(aggregate) for name, _, _, aggregate in functions if name not in reaching}
    found: dict[str, Iterable[str]] = {
        "computing": (name for name, aggregate in known.items() if not aggregate),
        "aggregate": (name for name, aggregate in known.items() if aggregate),
        "combinators": (str(name) for (name,) in combinators),
        "types": (word for (name,) in types for word in str(name).split()),
        "reaching": reaching,
    }
    return {title: {name.lower() for name in names} for title, names in found.items()}


def text(names: dict[str, set[str]]) -> str:
    """Return the file's text."""
    parts = [
        f"\n[{title}]\n{textwrap.fill(' '.join(sorted(members)), width=118, break_on_hyphens=False)}\n"
        for title, members in names.items()
    ]
    return HEAD + "".join(parts)


if __name__ == "__main__":
    FILE.write_text(text(sections()), encoding="utf-8")
