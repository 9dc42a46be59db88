"""URLs among the settings: whether they hold, and how they are shown without their passwords."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

MASK = "**********"
ENCODE = (
    "In user and password write %2F for /, %40 for @, %3A for :, %23 for #, %3F for ?, %5B for [ and %20 for a space"
)
_PASSWORD = re.compile(r"(://[^:\n]*:).*(@)")
"""From the first colon of a URL to the last @ of its line: passwords may hold @ and /; to mask too much is no harm."""


def parts_of(url: str) -> SplitResult:
    """Return a URL's parts; an error says what is wrong with it without showing any of it."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read for its check
    except ValueError:
        raise ValueError(f"it is no URL. {ENCODE}") from None
    if re.search(r"\s", url):
        raise ValueError(f"it has white space in it. {ENCODE}")
    return parts


def check_server(url: SplitResult, example: str) -> None:
    """Raise ValueError unless a URL names a server; `example` shows one that does."""
    if not url.hostname:
        raise ValueError(f"the host is missing: {example}")
    if "@" in url.path + url.query + url.fragment:
        raise ValueError(f"there is an @ behind the host. {ENCODE}")


def mask(text: str) -> str:
    """Return a text with the password of any URL in it masked, and rather more than any of it shown."""
    return _PASSWORD.sub(lambda found: f"{found[1]}{MASK}{found[2]}", text)
