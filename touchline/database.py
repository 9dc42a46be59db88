"""The folder of an embedded database: its address, and whether there is a database in it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from touchline.errors import CommandError

_MARK = "metadata"
"""chDB keeps the definitions of its tables in this folder."""


def holds_database(folder: Path) -> bool:
    """Return whether an embedded database is in `folder`."""
    return (folder / _MARK).is_dir()


def fresh(folder: Path) -> Path:
    """Return `folder`, in which a new database may be made.

    Raises:
        CommandError: something is in it already.
    """
    if holds_database(folder):
        raise CommandError(
            f"{folder} already holds a database; ask it with `touchline query ... --data {folder}`, "
            "or name another folder"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(f"{folder} is not an empty folder; name a new or an empty one")
    return folder


def address_of(folder: Path) -> str:
    """Return the address of the embedded database in `folder`, for `TOUCHLINE_CLICKHOUSE`.

    Raises:
        CommandError: there is none.
    """
    if not holds_database(folder):
        raise CommandError(f"{folder} holds no database; `touchline demo --keep {folder}` makes one")
    return f"chdb://{quote(str(folder.absolute()))}"
