"""Scores the polarity of texts by the rules, and by what a model has learned beside them."""

from __future__ import annotations

from streams.sentiment.model import SentimentModel
from streams.sentiment.scorer import SCALE, VaderScorer


class LearnedScorer:
    """The rules, and beside them what a model has learned.

    It abstains where the rules do, unless they know the language and it is sure: its margin is as great as that of most
    texts.
    """

    def __init__(self, rules: VaderScorer, model: SentimentModel) -> None:
        """Build a scorer of the rules and a model. Not for use by several threads at once."""
        self._rules = rules
        self._model = model
        self._name = f"{rules.name}+{model.name}"

    @property
    def name(self) -> str:
        """Return the names of both, with their versions."""
        return self._name

    def score(self, text: str, lang: str | None = None) -> int | None:
        """Return the polarity of a text in ten-thousandths, or None to abstain."""
        heard = self._rules.hear(text, lang)
        if heard is None:
            return None
        ngrams = heard.ngrams()
        if not heard.weighs and abs(self._model.margin(heard.polarity, ngrams)) < self._model.scale:
            return None
        return round(self._model.polarity(heard.polarity, ngrams) * SCALE)
