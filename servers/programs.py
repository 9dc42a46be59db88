"""Finding the programs of the servers on this machine."""

from __future__ import annotations

import os
import shutil

from schemas.errors import TouchlineError


class ServerMissingError(TouchlineError):
    """A server is not installed on this machine; the message says how to install it."""


def find_program(name: str, how: str) -> str:
    """Return the path of a program.

    Args:
        name: of the program.
        how: a person installs it.

    Raises:
        ServerMissingError: it is not installed.
    """
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise ServerMissingError(f"{name} is not installed: {how}")
    return path
