"""Text from outside, made fit for a terminal and a log: what would steer a terminal is shown escaped."""

from __future__ import annotations

import re

MAX_REASON = 500
"""Characters of a reason: of why a message was refused, or of why something failed."""
MAX_QUOTED = 300
"""Characters of another program's message that are quoted in one of ours, so that ours is a reason too."""

# Control characters (C0, DEL and C1), what changes the direction of text, what ends a line, what shows nothing (tags
# and other invisible marks), and halves of characters. The joiners U+200C and U+200D stay: scripts and emojis need
# them.
_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def printable(text: str) -> str:
    r"""Return a text on one line, with what would steer a terminal escaped as in JSON: `\n`, `\u001b`, `\u202e`.

    JSON stays JSON with the same meaning. A backslash stays one backslash.
    """
    return text if text.isprintable() else _STEERING.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Return a text of several lines, each of them as `printable` gives it."""
    return "\n".join(map(printable, text.split("\n")))


def shortened(text: str, longest: int = MAX_REASON) -> str:
    """Return a printable text of at most `longest` characters; one that was cut ends in an ellipsis."""
    shown = printable(text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return _SHORT.get(character) or "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
