"""What a text is about: word lists, and a model that learns beside them. Pure."""

from streams.topics.errors import TopicsError
from streams.topics.evaluation import PRECISION, Agreement, Trained, train
from streams.topics.finder import Found, TopicFinder
from streams.topics.lists import WordLists, read_lists, shipped_lists
from streams.topics.model import TopicModel, read_model
from streams.topics.training import Example

__all__ = [
    "PRECISION",
    "Agreement",
    "Example",
    "Found",
    "TopicFinder",
    "TopicModel",
    "TopicsError",
    "Trained",
    "WordLists",
    "read_lists",
    "read_model",
    "shipped_lists",
    "train",
]
