"""Text that ends with its checksum: files that people can read, and that are used only as they were written."""

from __future__ import annotations

from hashlib import sha256

_MARK = "sha256 "
_VERSION_DIGITS = 8


def with_checksum(body: str) -> str:
    """Return a text, of whole lines, and below it the line of its checksum."""
    return f"{body}{_MARK}{_digest(body)}\n"


def without_checksum(text: str) -> tuple[str, bool]:
    """Return the text above its last checksum, empty where there is none, and whether it is as it was written."""
    body, mark, digest = text.rpartition(_MARK)
    return body, mark != "" and digest.strip() == _digest(body)


def version_of(body: str) -> str:
    """Return the first digits of a text's checksum: texts that differ are told apart by them."""
    return _digest(body)[:_VERSION_DIGITS]


def _digest(body: str) -> str:
    return sha256(body.encode()).hexdigest()
