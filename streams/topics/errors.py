"""What can be wrong with topics' files and their training."""

from __future__ import annotations

from schemas.errors import TouchlineError


class TopicsError(TouchlineError):
    """Word lists, a model or texts to learn from that do not hold; the message says where, what, and what to do."""
