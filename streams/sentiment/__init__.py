"""How a text feels: pure scorers of polarity."""

from streams.sentiment.scorer import Scorer, VaderScorer

__all__ = ["Scorer", "VaderScorer"]
