"""Names in social networks: compared without @ and without case."""

from __future__ import annotations

import re

from streams.identity.text import folded

_PROFILE = re.compile(r"(?:https?://)?(?:www\.|mobile\.|m\.)?(?:twitter|x)\.com/@?(\w{1,15})/?(?:[?#].*)?", re.ASCII)
_PAGES = frozenset({"home", "search", "explore", "i", "intent", "share", "login", "settings", "messages", "hashtag"})
"""Pages of the network's own, where a person's name stands."""


def handle(value: str) -> str | None:
    """Return a name in a network without @, in small letters; None where nothing is left.

    Args:
        value: clean.
    """
    return folded(value.lstrip("@ ")) or None


def twitter(value: str) -> str | None:
    """Return a name in Twitter as `handle` does; the address of a profile gives the profile's name."""
    name = handle(value)
    if name is not None and "/" in name:
        found = _PROFILE.fullmatch(name)
        if found is not None and found[1] not in _PAGES:
            return found[1]
    return name
