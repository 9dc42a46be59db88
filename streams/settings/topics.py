"""The settings of what texts are about: word lists of one's own, and a learned model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from streams.topics import TopicFinder, TopicModel, TopicsError, WordLists, read_lists, read_model, shipped_lists

T = TypeVar("T")


class TopicSettings(BaseSettings):
    """What the topics of texts are found by; the workers read the files when they start."""

    topic_words: str = Field(
        default="",
        description="file (TOML) of the words by which texts are about topics, beside those that ship, or instead "
        "([topics](metrics.md#words-of-your-own)); the workers read it when they start",
    )
    topic_model: str = Field(
        default="",
        description="file of a model that names topics where the words say nothing, as `touchline train-topics` writes "
        "it ([topics](metrics.md#a-model-beside-the-words)); the workers read it when they start",
    )

    @field_validator("topic_words")
    @classmethod
    def _check_topic_words(cls, value: str) -> str:
        _lists_in(value)
        return value

    @field_validator("topic_model")
    @classmethod
    def _check_topic_model(cls, value: str) -> str:
        _model_in(value)
        return value

    def topic_lists(self) -> WordLists:
        """Return the word lists in force."""
        return _lists_in(self.topic_words)

    def learned_topics(self) -> TopicModel | None:
        """Return the model in force; None without one.

        Raises:
            ValueError: its file cannot be read, or holds none.
        """
        return _model_in(self.topic_model)

    def topic_finder(self) -> TopicFinder:
        """Return what finds the topics of texts, of the files as they are now; for one thread."""
        return TopicFinder(self.topic_lists(), self.learned_topics())


def _lists_in(file: str) -> WordLists:
    return _read(file, read_lists) if file else shipped_lists()


def _model_in(file: str) -> TopicModel | None:
    return _read(file, read_model) if file else None


def _read(file: str, read: Callable[[str], T]) -> T:
    try:
        return read(Path(file).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    except TopicsError as error:
        raise ValueError(f"{file}: {error}") from None
