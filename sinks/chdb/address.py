"""Where an embedded database is, by its address."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from sinks.errors import AddressError


def folder_of(url: str) -> str:
    """Return the folder that an address of scheme `chdb` names.

    Raises:
        AddressError: the address names no folder.
    """
    parts = urlsplit(url)
    if parts.netloc or not parts.path.strip("/"):
        raise AddressError("an embedded database is chdb:///path/of/a/folder, with three slashes")
    return unquote(parts.path)
