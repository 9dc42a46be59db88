"""Formats what the report prints: names, times, numbers, and customers' words."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.text import printable

KINDS: dict[str, tuple[str, str]] = {
    "purchase": ("purchase", "purchases"),
    "tweet": ("post", "posts and reviews"),
    "support_call": ("support call", "support call events"),
    "survey_answer": ("survey", "survey events"),
    "cart_event": ("cart", "cart events"),
    "case_event": ("case", "case events"),
    "page_view": ("page view", "page views"),
}
"""Kind to its singular and plural, where they are not the kind's own name."""

_IMPLIED_ACTIONS = frozenset({"", "view", "customer", "posted"})
"""Actions that add nothing to the kind."""

SUBJECTS: dict[str, str] = {
    "cart": "carts",
    "checkout": "checkouts",
    "call": "calls, in the queue",
    "hold": "calls, on hold",
    "survey": "surveys",
}

OUTCOMES: dict[str, str] = {
    "open": "still open",
    "purchased": "ended with a purchase",
    "resolved": "ended resolved",
    "abandoned": "ended with something abandoned",
    "unresolved": "ended unresolved",
    "visited": "ended after visits only",
}


def singular(kind: str) -> str:
    """Return the name of one touchpoint of a kind."""
    return KINDS.get(kind, (kind.replace("_", " "),))[0]


def plural(kind: str) -> str:
    """Return the name of many touchpoints of a kind."""
    return KINDS[kind][1] if kind in KINDS else f"{singular(kind)}s"


def what_happened(kind: str, action: str) -> str:
    """Return a touchpoint in two or three words: `support call, ended`."""
    if (kind, action) == ("tweet", "brand"):
        return "your post"
    action = action.replace("_", " ")
    return printable(singular(kind) if action in _IMPLIED_ACTIONS else f"{singular(kind)}, {action}")


def moment(at: int) -> str:
    """Return a time (ms) to the minute, UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%d %b %Y %H:%M")


def short_moment(at: int) -> str:
    """Return a time (ms) without its year, to the minute, UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%d %b %H:%M")


def short_day(at: int) -> str:
    """Return the day of a time (ms) without its year, UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%d %b")


def day(at: int) -> str:
    """Return the day of a time (ms), UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%d %b %Y")


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number and its noun: `1 customer`, `1,200 customers`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def level(value: float) -> str:
    """Return an experience with its sign and two decimals."""
    return f"{value:+.2f}"


def duration(seconds: float) -> str:
    """Return a span in the unit a person would use."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def quote(text: str, width: int) -> str:
    """Return a customer's words in quotes and on one line, cut to `width` characters; empty words stay empty."""
    words = printable(" ".join(text.split()))
    if not words or width < 4:
        return ""
    if len(words) > width - 2:
        words = words[: width - 3].rstrip() + "…"
    return f"“{words}”"
