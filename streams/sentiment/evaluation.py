"""Says how well a model of sentiment does on texts that it has not learned from, and refuses one that is no gain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.sentiment.errors import SentimentError
from streams.sentiment.figures import Figures, figures_of
from streams.sentiment.model import SentimentModel
from streams.sentiment.scorer import SCALE, VaderScorer
from streams.sentiment.training import FEWEST_WITH_NGRAM, FOLDS, NOTHING, Example, Read, learn, read_examples

FEWEST_TEXTS = 200
"""Different texts that can be learned from at all."""
FEWEST_LABELS = 100
"""Texts with labels below which figures of agreement with them say nothing."""
SURE = 0.4
"""The polarity by the rules from which on they are sure of a text."""
FEWEST_SURE = 20
"""Texts, for better and for worse each, of which the rules have to be sure."""
AS_GOOD_AS_CHANCE = 0.55


class Trained(NamedTuple):
    """A model, and its figures on texts held out.

    Attributes:
        texts, labelled: different texts, and those of them with a label.
        agreement: how often the n-grams alone, without the words that the rules weigh, have the sign of rules that are
            sure, as the mean of both signs: without labels it alone says whether anything was learned. None where the
            rules are sure of too few texts.
        rules, held_out: figures of the rules alone, and with the model, on texts with labels; None where they are few.
    """

    model: SentimentModel
    texts: int
    labelled: int
    agreement: float | None
    rules: Figures | None
    held_out: Figures | None


class _HeldOut(NamedTuple):
    """A text, its score by a model that has not learned from it, and the margin of its context by the same model."""

    text: Read
    score: int
    context: float


def train(
    examples: Sequence[Example],
    scorer: VaderScorer,
    base: SentimentModel = NOTHING,
    fewest: int = FEWEST_WITH_NGRAM,
    show: Callable[[int, int], None] = lambda _done, _total: None,
) -> Trained:
    """Return the model of some texts, and its figures.

    Args:
        examples: of equal texts one counts.
        scorer: the rules; they teach, and texts on which they abstain are left out.
        base: what is known already.
        fewest: different texts that an n-gram has to be in.
        show: is told how many models are made, and of how many.

    Raises:
        SentimentError: there is too little to learn from, or the model is worse than the rules alone.
    """
    texts = read_examples(examples, scorer)
    if len(texts) < FEWEST_TEXTS:
        raise SentimentError(
            f"{len(texts)} different texts are too few to learn from: give {FEWEST_TEXTS} or more, better some thousand"
        )
    held: list[_HeldOut] = []
    for fold in range(FOLDS):
        model = learn([text for text in texts if text.fold != fold], base, fewest=fewest)
        held += [_hold_out(model, text) for text in texts if text.fold == fold]
        show(fold + 1, FOLDS + 1)
    labelled = [(one, one.text.label) for one in held if one.text.label is not None]
    labels = [label for _, label in labelled]
    alone = together = None
    if len(labels) >= FEWEST_LABELS:
        alone = figures_of([round(SCALE * one.text.rules) for one, _ in labelled], labels)
        together = figures_of([one.score for one, _ in labelled], labels)
    agreement = _agreement(held)
    if why := objection(agreement, alone, together):
        raise SentimentError(f"it is refused: on texts that it has not learned from, {why}")
    about = (f"rules {scorer.name}", f"base {base.name if base.weights else 'none'}")
    model = learn(texts, base, (*about, f"texts {len(texts)}", f"labelled {len(labels)}"), fewest)
    show(FOLDS + 1, FOLDS + 1)
    return Trained(model, len(texts), len(labels), agreement, alone, together)


def objection(agreement: float | None, rules: Figures | None, held_out: Figures | None) -> str | None:
    """Return why a model of these figures is no gain, None where it is one.

    Args:
        agreement: of its n-grams with the rules, as of `Trained`; None where the rules are sure of too few texts.
        rules, held_out: the figures of the rules alone, and with the model; None where there are too few labels.
    """
    if rules is not None and held_out is not None:
        if held_out.both <= rules.both:
            return f"it has the label's sign in {held_out.both:.1%} (mean of both), the rules alone in {rules.both:.1%}"
        return None
    if agreement is None:
        return (
            f"the rules are sure of fewer than {FEWEST_SURE} texts for better, or for worse; give more texts, or labels"
        )
    if agreement <= AS_GOOD_AS_CHANCE:
        return (
            f"it has the sign of sure rules in {agreement:.1%}, and chance has it in half; give more texts, or labels"
        )
    return None


def _hold_out(model: SentimentModel, text: Read) -> _HeldOut:
    return _HeldOut(text, round(SCALE * model.polarity(text.rules, text.ngrams)), model.margin(0.0, text.context))


def _agreement(held: Sequence[_HeldOut]) -> float | None:
    """Return how often the context has the sign of sure rules, as the mean of both signs; None where these are few."""
    shares = []
    for sign in (-1, 1):
        sure = [one for one in held if one.text.rules * sign >= SURE]
        if len(sure) < FEWEST_SURE:
            return None
        shares.append(sum(one.context * sign > 0 for one in sure) / len(sure))
    return sum(shares) / 2
