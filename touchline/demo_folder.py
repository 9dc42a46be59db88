"""The folder for a demo's database when none was named: one for each user, so that databases do not pile up."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

MARK = "made-by-touchline-demo"
"""A file that marks the folder as made here; a demo locks it while it uses the folder."""
_DATABASE = "database"
_IN_USE = "status"
"""chDB keeps this file of a database locked while it is open, and removes it after."""


class DemoFolder(NamedTuple):
    """A folder for a database, and whether the next demo will replace it."""

    database: Path
    replaced: bool


def shared_demo_folder() -> Path:
    """Return where this user's demos leave their database."""
    return Path(tempfile.gettempdir()) / f"touchline-demo-{os.geteuid()}"


@contextmanager
def hold_demo_folder() -> Iterator[DemoFolder]:
    """Hold a folder without a database; that of an earlier demo is removed.

    While another demo uses the shared folder, or a query its database, or where it is not ours, a new folder
    is made, which stays until somebody removes it.

    Raises:
        OSError: nothing can be made in the folder for temporary files.
    """
    folder = shared_demo_folder()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    database = folder / _DATABASE
    if _ours(folder):
        with (folder / MARK).open("a") as mark:
            if _lock(mark.fileno()) and not _in_use(database):
                if database.exists():
                    shutil.rmtree(database)
                yield DemoFolder(database, replaced=True)
                return
    yield DemoFolder(Path(tempfile.mkdtemp(prefix="touchline-demo-")), replaced=False)


def _ours(folder: Path) -> bool:
    """Return whether a folder, no link to one, belongs to this user and was made here, or is empty."""
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return False
    return (folder / MARK).is_file() or not any(folder.iterdir())


def _in_use(database: Path) -> bool:
    try:
        with (database / _IN_USE).open() as file:
            return not _lock(file.fileno())
    except FileNotFoundError:
        return False


def _lock(file: int) -> bool:
    """Lock an open file until it is closed; return whether it was free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
