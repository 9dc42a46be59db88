"""The toolchains of other languages, which the guides for producers are built with."""

from __future__ import annotations

import re
import subprocess

from servers.programs import ServerMissingError, find_program

GO = (1, 25)
NODE = (18, 0)


def find_go() -> str:
    """Return the path of Go.

    Raises:
        ServerMissingError: it is not installed, or too old.
    """
    return _at_least("go", "version", GO)


def find_npm() -> str:
    """Return the path of npm, beside which there is Node.

    Raises:
        ServerMissingError: one of both is not installed, or Node is too old.
    """
    _at_least("node", "--version", NODE)
    return find_program("npm", "install it beside Node")


def find_maven() -> str:
    """Return the path of Maven, beside which there is a Java compiler.

    Raises:
        ServerMissingError: one of both is not installed.
    """
    find_program("javac", "install a JDK 17")
    return find_program("mvn", "install Maven")


def _at_least(name: str, question: str, least: tuple[int, int]) -> str:
    wanted = ".".join(map(str, least))
    path = find_program(name, f"install {wanted} or later")
    said = subprocess.run([path, question], capture_output=True, text=True, check=True).stdout.strip()
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < least:
        raise ServerMissingError(f"{path} is {said}: install {wanted} or later")
    return path
