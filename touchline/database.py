"""Finds the embedded database in a folder, and its address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from touchline.errors import CommandError

_MARK = "metadata"
"""The folder in which chDB keeps the definitions of its tables."""


def holds_database(folder: Path) -> bool:
    """Return whether `folder` holds an embedded database."""
    return (folder / _MARK).is_dir()


def fresh(folder: Path) -> Path:
    """Return `folder` if a new database can be made in it.

    Raises:
        CommandError: the folder is not empty, or is a file.
    """
    if holds_database(folder):
        raise CommandError(
            f"{folder} already holds a database; query it with `touchline query ... --data {folder}`, "
            "or name another folder"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(f"{folder} is not an empty folder; name a new or an empty one")
    return folder


def address_of(folder: Path) -> str:
    """Return the address of the embedded database in `folder`, for `TOUCHLINE_CLICKHOUSE`.

    Raises:
        CommandError: the folder holds no database.
    """
    if not holds_database(folder):
        raise CommandError(f"{folder} holds no database; `touchline demo --keep {folder}` makes one")
    return f"chdb://{quote(str(folder.absolute()))}"
