"""What can be wrong with a model of sentiment, and with what it is to learn from."""

from __future__ import annotations

from schemas.errors import TouchlineError


class SentimentError(TouchlineError):
    """A model, labels or texts to learn from that do not hold; the message says where, what, and what to do."""
