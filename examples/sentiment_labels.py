"""Turn labelled texts under permissive licences into JSON lines: the base model of sentiment has learned from them.

Neither is part of touchline: GoEmotions (Apache-2.0, google-research/google-research, goemotions/data) and the ratings
that came with VADER (MIT, cjhutto/vaderSentiment, additional_resources/hutto_ICWSM_2014.tar.gz; its tweets are left for
tests). Neutral texts are left out: what is neutral, operators' own texts tell. The base model is made so:

    python -m examples.sentiment_labels --goemotions goemotions/data --vader hutto_ICWSM_2014 --out labels.jsonl
    touchline train-sentiment --data labels.jsonl --no-base --fewest 6 --out streams/sentiment/base.sentiment
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from examples.lines import write_lines

POSITIVE = frozenset(
    {"admiration", "amusement", "approval", "caring", "desire", "excitement"}
    | {"gratitude", "joy", "love", "optimism", "pride", "relief"}
)
NEGATIVE = frozenset(
    {"anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment"}
    | {"fear", "grief", "nervousness", "remorse", "sadness"}
)
"""Emotions by their side, as goemotions/data/sentiment_dict.json has them; the others are ambiguous, or neutral."""
RATED = ("amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets")
LEAST_RATING = 0.5
"""Of VADER's ratings, from -4 to 4: nearer to 0 is of neither side."""
_MASKS = re.compile(r"\[(?:NAME|RELIGION)\]")


def of_emotions(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the comments of GoEmotions' training set whose emotions are of one side."""
    names = (folder / "emotions.txt").read_text("utf-8").split()
    for line in (folder / "train.tsv").read_text("utf-8").splitlines():
        text, ids, _ = line.split("\t")
        emotions = {names[int(number)] for number in ids.split(",")}
        sides = [side for side, of in (("positive", POSITIVE), ("negative", NEGATIVE)) if emotions & of]
        if len(sides) == 1:
            yield {"text": _MASKS.sub(" ", text), "label": sides[0]}


def of_ratings(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the snippets of reviews and editorials with the side of their mean rating."""
    for name in RATED:
        for line in (folder / f"{name}_GroundTruth.txt").read_text("latin-1").splitlines():
            _, rating, text = line.split("\t", 2)
            value = float(rating)
            if abs(value) >= LEAST_RATING:
                yield {"text": text, "label": "positive" if value > 0 else "negative"}


@click.command()
@click.option("--goemotions", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--vader", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The JSON lines to write.")
def main(goemotions: Path, vader: Path, out: Path) -> None:
    """Write the labelled texts as JSON lines."""
    count = write_lines(out, [*of_emotions(goemotions), *of_ratings(vader)])
    click.echo(f"wrote {count} texts to {out}")


if __name__ == "__main__":
    main()
