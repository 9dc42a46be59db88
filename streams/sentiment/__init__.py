"""How a text feels: pure scorers of polarity, and what they learn."""

from streams.sentiment.errors import SentimentError
from streams.sentiment.evaluation import Trained, train
from streams.sentiment.figures import Figures, figures_of
from streams.sentiment.labels import meanings
from streams.sentiment.learned import LearnedScorer
from streams.sentiment.model import SentimentModel, read_model, shipped_model
from streams.sentiment.scorer import Scorer, VaderScorer
from streams.sentiment.training import Example

__all__ = [
    "Example",
    "Figures",
    "LearnedScorer",
    "Scorer",
    "SentimentError",
    "SentimentModel",
    "Trained",
    "VaderScorer",
    "figures_of",
    "meanings",
    "read_model",
    "shipped_model",
    "train",
]
