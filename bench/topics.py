"""`python -m bench.topics FILE`: how well topics are found in the public airline tweets, and what a text costs.

The tweets (CC BY-NC-SA) are not part of the project. People gave each complaint one reason; that is held against the
word lists alone, and with a model that has learned from four fifths of the texts, on the fifth that it has not seen.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from zlib import crc32

import click

from streams.topics import Example, TopicFinder, TopicsError, read_lists, train

WORDS = Path(__file__).with_name("airline_topics.toml")
FOLDS, ROUNDS = 5, 5
LABELS = (0, 500, 1 << 20)
"""How many of the texts to learn from have their reason as a label."""
REASONS: dict[str, tuple[str, ...]] = {
    "Bad Flight": ("product",),
    "Late Flight": ("delay", "waiting"),
    "Customer Service Issue": ("staff", "waiting"),
    "Flight Booking Problems": ("website",),
    "Lost Luggage": ("luggage",),
    "Damaged Luggage": ("luggage",),
    "Flight Attendant Complaints": ("staff",),
    "Cancelled Flight": ("cancellation",),
    "longlines": ("waiting",),
}
"""The topics that are right for a reason; the first is its label."""
KNOWN = {topic for topics in REASONS.values() for topic in topics}

Tweet = tuple[str, str]
"""A text and its reason, "" for none."""


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(file: Path) -> None:
    """Measure topics on the tweets in FILE: CSV with the columns text and negative_reason."""
    with file.open(encoding="utf-8", newline="") as lines:
        tweets = [(row["text"], row["negative_reason"]) for row in csv.DictReader(lines)]
    print(f"{len(tweets):,} tweets, {sum(reason in REASONS for _, reason in tweets):,} with a reason that is a topic")
    lists = read_lists(WORDS.read_text(encoding="utf-8"))
    _report("the word lists alone", [(tweet, TopicFinder(lists)) for tweet in tweets])
    model = None
    for most in LABELS:
        found: list[tuple[Tweet, TopicFinder]] = []
        for held_out in range(FOLDS):
            examples = list(_examples([tweet for tweet in tweets if _fold(tweet[0]) != held_out], most))
            try:
                model = train(examples, lists).model
            except TopicsError as error:
                print(f"  fold {held_out}: {error}")
                model = None
            finder = TopicFinder(lists, model)
            found += [(tweet, finder) for tweet in tweets if _fold(tweet[0]) == held_out]
        labels = {0: "without labels", 1 << 20: "with all labels"}.get(most, f"with {most} labels")
        _report(f"with a model that has learned {labels}", found)
    for name, finder in (("the word lists", TopicFinder(lists)), ("with the model", TopicFinder(lists, model))):
        print(f"{name}: {median(_cost(finder.find, tweets) for _ in range(ROUNDS)):.1f} us of CPU a text")


def _fold(text: str) -> int:
    return crc32(b"bench" + text.encode()) % FOLDS


def _examples(tweets: Sequence[Tweet], most: int) -> Iterator[Example]:
    given = 0
    for text, reason in tweets:
        labelled = reason in REASONS and given < most
        given += labelled
        yield Example(text, None, REASONS[reason][:1] if labelled else None)


def _report(name: str, found: Sequence[tuple[Tweet, TopicFinder]]) -> None:
    """Print how often topics are right, of texts with a reason; topics that are no reason's are left out."""
    named = right = reached = texts = 0
    for (text, reason), finder in found:
        if reason in REASONS:
            topics = KNOWN.intersection(finder.find(text).topics)
            good = topics.intersection(REASONS[reason])
            texts, named, right, reached = texts + 1, named + len(topics), right + len(good), reached + bool(good)
    precision, recall = right / named, reached / texts
    f1 = 2 * precision * recall / (precision + recall)
    print(f"  {name:<55} precision {precision:.3f}  recall {recall:.3f}  F1 {f1:.3f}")


def _cost(find: Callable[[str], object], tweets: Sequence[Tweet]) -> float:
    began = time.process_time()
    for text, _ in tweets:
        find(text)
    return (time.process_time() - began) / len(tweets) * 1e6


if __name__ == "__main__":
    main()
