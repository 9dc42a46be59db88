"""The settings of how texts feel: a learned model beside the rules."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from streams.sentiment import LearnedScorer, Scorer, SentimentModel, VaderScorer, read_model, shipped_model
from streams.settings.files import FileError, read_file

SHIPPED = "base"
"""Names the model that ships, instead of a file."""


class SentimentSettings(BaseSettings):
    """What texts are scored by; the workers read the file when they start."""

    sentiment_model: str = Field(
        default="",
        description="file of a model that scores texts beside the rules, as `touchline train-sentiment` writes it, or "
        "`base` for the one that ships ([sentiment](metrics.md#a-model-beside-the-rules)); the workers read it when "
        "they start",
    )

    @field_validator("sentiment_model")
    @classmethod
    def _check_sentiment_model(cls, value: str) -> str:
        _model_in(value)
        return value

    def learned_sentiment(self) -> SentimentModel | None:
        """Return the model in force; None without one.

        Raises:
            ValueError: its file cannot be read, or holds none.
        """
        return _model_in(self.sentiment_model)

    def scorer_for(self, companies: Iterable[str]) -> Scorer:
        """Return what scores texts, of the file as it is now, for a company of these names; for one thread."""
        rules, model = VaderScorer(companies), self.learned_sentiment()
        return rules if model is None else LearnedScorer(rules, model)


def _model_in(file: str) -> SentimentModel | None:
    if not file:
        return None
    try:
        return shipped_model() if file == SHIPPED else read_file(file, read_model)
    except FileError as error:
        raise ValueError(f"{error} (`{SHIPPED}` names the model that ships)") from None
