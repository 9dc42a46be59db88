"""`python -m bench.sentiment FILE.csv`: how well scores agree with people's labels, on any labelled CSV.

It compares vaderSentiment (of English), the rules, the rules with the base model, and models that have learned from
the file's other texts without their labels (five folds: no text is scored by a model that has seen it), or with some.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

import click
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from streams.sentiment import Example, LearnedScorer, VaderScorer, figures_of, shipped_model
from streams.sentiment.figures import Figures
from streams.sentiment.model import SentimentModel
from streams.sentiment.training import FOLDS, NOTHING, learn, read_examples
from touchline.errors import CommandError
from touchline.labelled_texts import LABEL_COLUMNS, read_csv
from touchline.terminal import Steps, progress_console

Score = Callable[[str], int | None]
OWN_LABELS = 1_000


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", help="The column of texts; by default `text`, or another usual name.")
@click.option("--label", help=f"The column of labels; by default the first of {', '.join(LABEL_COLUMNS)}.")
@click.option("--lang", help="The texts' language, as posts state theirs; by default it is told by each text.")
@click.option("--names", default="", help="The company's names, as TOUCHLINE_COMPANY_NAMES takes them: one, another.")
@click.option("--own-labels", default=OWN_LABELS, show_default=True, help="Labels that a model may learn from beside.")
def main(file: Path, text: str | None, label: str | None, lang: str | None, names: str, own_labels: int) -> None:
    """Measure sentiment on the labelled texts in FILE: CSV whose first line names its columns."""
    examples = [one._replace(lang=lang) for one in _labelled(file, text, label)]
    texts, labels = [one.text for one in examples], [one.label or 0 for one in examples]
    print(f"{len(texts):,} texts: {', '.join(f'{labels.count(side):,} labelled {side:+d}' for side in (-1, 0, 1))}")
    print(f"{'':42}  sign   both  macro-F1  accuracy  abstained  speaks  sign there  us a text")
    rules = VaderScorer(name for name in names.split(",") if name.strip())
    library = SentimentIntensityAnalyzer()
    base = shipped_model()
    whole: list[tuple[str, Score]] = [
        ("vaderSentiment", lambda one: round(library.polarity_scores(one)["compound"] * 10_000)),
        ("the rules", partial(rules.score, lang=lang)),
        ("the rules and the base model", partial(LearnedScorer(rules, base).score, lang=lang)),
    ]
    for name, score in whole if lang in (None, "en") else whole[1:]:
        _print(name, *_scored(score, texts), labels)
    with Steps(progress_console()) as steps:
        for start, said in ((NOTHING, "without the base"), (base, "with the base")):
            for most in (0, own_labels):
                steps.begin(f"learning {said}, {most:,} labels")
                found = _folds(examples, rules, start, most, steps.show)
                _print(f"learned {said}, {most:,} labels", *found, labels)


def _labelled(file: Path, text: str | None, label: str | None) -> list[Example]:
    if label is not None:
        return [one for one in read_csv(file, text, label) if one.label is not None]
    for column in LABEL_COLUMNS:
        try:
            return [one for one in read_csv(file, text, column) if one.label is not None]
        except CommandError as error:
            missing = error
    raise missing


def _folds(
    examples: Sequence[Example], rules: VaderScorer, base: SentimentModel, most: int, show: Callable[[int, int], None]
) -> tuple[list[int | None], float]:
    """Return the scores of all texts by models that have not seen them, and the microseconds that one takes."""
    order = list(range(len(examples)))
    Random(0).shuffle(order)
    scores: list[int | None] = [None] * len(examples)
    spent = 0.0
    for fold in range(FOLDS):
        others = [examples[at] for place, at in enumerate(order) if place % FOLDS != fold]
        taught = [one if place < most else one._replace(label=None) for place, one in enumerate(others)]
        scorer = LearnedScorer(rules, learn(read_examples(taught, rules), base))
        held = order[fold::FOLDS]
        found, cost = _scored(partial(scorer.score, lang=examples[0].lang), [examples[at].text for at in held])
        spent += cost * len(held)
        for at, score in zip(held, found, strict=True):
            scores[at] = score
        show(fold + 1, FOLDS)
    return scores, spent / len(examples)


def _scored(score: Score, texts: Sequence[str]) -> tuple[list[int | None], float]:
    """Return the scores of texts, and the microseconds of CPU that each takes the second time, when words are known."""
    found = [score(text) for text in texts]
    began = time.process_time()
    for text in texts:
        score(text)
    return found, (time.process_time() - began) / len(texts) * 1e6


def _print(name: str, scores: Sequence[int | None], cost: float, labels: Sequence[int]) -> None:
    figures: Figures = figures_of(scores, labels)
    _, sign, both, macro_f1, accuracy, abstained, speaks, sign_spoken = figures
    print(
        f"{name:42} {sign:.3f}  {both:.3f}     {macro_f1:.3f}     {accuracy:.3f}      {abstained:.3f}"
        f"   {speaks:.3f}       {sign_spoken:.3f}      {cost:5.1f}"
    )


if __name__ == "__main__":
    main()
