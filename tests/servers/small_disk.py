"""A disk so small that a test can fill it: a tmpfs, which only root may mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import missing

_FILLER = "filler"
_PIECE = bytes(4096)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount an empty disk on a folder, which is made; unmount it afterwards, whoever still uses it."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "touchline-test", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        missing(f"no small disk can be mounted, run as root (in a container, with SYS_ADMIN): {said}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Write until the disk has no room left."""
    with (disk / _FILLER).open("ab", buffering=0) as filler:
        try:
            while True:
                filler.write(_PIECE)
        except OSError:
            os.fsync(filler.fileno())


def make_room(disk: Path) -> None:
    """Give back what `fill` took."""
    (disk / _FILLER).unlink()
