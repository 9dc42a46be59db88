"""Training: what is learned and what is refused, on texts whose topics are planted."""

from __future__ import annotations

import random
from math import log

import pytest

from streams.topics import Agreement, Example, TopicFinder, TopicsError, WordLists, read_lists, train
from streams.topics.evaluation import Named, objection
from streams.topics.training import FEWEST_TEXTS, FEWEST_WITH_NGRAM, Read, learn, read_examples

LISTS = read_lists('shipped = false\n[topics]\nbread = ["loaf"]\nfish = ["trout"]\nwine = ["bottle"]')
# Words that go with a topic, and that no list knows.
COMPANY = {
    "bread": ["crust", "oven", "dough", "slice", "flour"],
    "fish": ["river", "scale", "fin", "hook", "net"],
    "wine": ["cork", "cellar", "grape", "vintage", "barrel"],
}
KEYWORDS = {"bread": "loaf", "fish": "trout", "wine": "bottle"}
FILLERS = ["today", "again", "really", "there", "maybe", "nobody", "somebody", "twice", "surely", "hardly"]


def planted(rnd: random.Random, topic: str, *, keyword: bool, clear: float = 1.0) -> str:
    """Return a text about a topic, with its keyword or without."""
    company = COMPANY[topic if rnd.random() < clear else rnd.choice(list(COMPANY))]
    words = rnd.sample(company, 2) + rnd.sample(FILLERS, 3) + ([KEYWORDS[topic]] if keyword else [])
    rnd.shuffle(words)
    return " ".join(words)


def many(seed: int, n: int, *, keyword: bool, labels: bool = False, clear: float = 1.0) -> list[Example]:
    """Return texts about all topics in turn."""
    rnd = random.Random(seed)
    examples = []
    for number in range(n):
        topic = list(COMPANY)[number % 3]
        text = planted(rnd, topic, keyword=keyword, clear=clear)
        examples.append(Example(text, None, (topic,) if labels else None))
    return examples


def right(lists: WordLists, model_of: list[Example], asked: list[Example]) -> float:
    """Return the share of texts whose topic is found."""
    finder = TopicFinder(lists, train(model_of, lists).model)
    return sum(finder.find(one.text).topics == one.labels for one in asked) / len(asked)


def test_what_goes_with_the_lists_words_is_learned_from_texts_without_labels() -> None:
    asked = many(2, 300, keyword=False, labels=True)

    assert sum(TopicFinder(LISTS).find(one.text).topics != () for one in asked) == 0
    assert right(LISTS, many(1, 600, keyword=True), asked) > 0.95


def test_labels_are_learned_where_the_lists_know_nothing() -> None:
    lists = read_lists('shipped = false\n[topics]\nbread = ["loaf"]')
    examples = many(3, 600, keyword=False, labels=True)
    trained = train(examples, lists)

    assert trained.labelled
    assert trained.lists is not None
    assert trained.both is not None
    # The lists find nothing in texts without their words.
    assert (trained.lists.named, trained.lists.labels) == (0, trained.texts)
    assert trained.both.f1 > 0.95
    assert right(lists, examples, many(4, 300, keyword=False, labels=True)) > 0.95


def test_the_figures_are_those_of_a_count_by_hand() -> None:
    # Each has a word of the lists, in turn, among what goes with fish, and is labelled so.
    rnd = random.Random(5)
    fish = [planted(rnd, "fish", keyword=False) for _ in range(90)]
    words = list(KEYWORDS.values())
    known = [Example(f"{words[number % 3]} {text}", None, ("fish",)) for number, text in enumerate(fish)]
    trained = train([*known, *many(6, 600, keyword=False, labels=True)], LISTS)
    assert trained.lists is not None
    assert trained.both is not None

    # A third of the 90 words are those of fish.
    assert (trained.lists.named, trained.lists.right) == (90, 30)
    assert trained.lists.precision == pytest.approx(1 / 3)
    assert trained.lists.recall == pytest.approx(30 / trained.texts)
    assert trained.lists.f1 == pytest.approx(2 * 30 / (90 + trained.texts))
    # The model adds to the lists and changes nothing that they say.
    assert trained.both.named == 90 + trained.held_out.named
    assert trained.both.right == 30 + trained.held_out.right


def test_a_model_of_chance_is_refused() -> None:
    # The company of each keyword is that of any topic.
    with pytest.raises(TopicsError, match="refused"):
        train(many(7, 900, keyword=True, clear=0.0), LISTS)


def test_labels_that_contradict_one_another_are_refused() -> None:
    rnd = random.Random(8)
    texts = [one.text for one in many(9, 900, keyword=False)]
    with pytest.raises(TopicsError, match="refused"):
        train([Example(text, None, (rnd.choice(list(COMPANY)),)) for text in texts], LISTS)


def test_too_few_texts_are_told() -> None:
    with pytest.raises(TopicsError, match="too few"):
        train(many(10, 60, keyword=True), LISTS)
    with pytest.raises(TopicsError, match="0 different texts are too few"):
        train([], LISTS)


def test_of_equal_texts_one_counts_and_that_with_labels_first() -> None:
    read = read_examples(
        [Example("A loaf!"), Example("a LOAF"), Example("a loaf", None, ("fish",)), Example("  "), Example("trout")],
        LISTS,
    )

    assert [(one.by_lists, one.labels, one.learned_as) for one in read] == [
        (("bread",), ("fish",), ("fish",)),
        (("fish",), None, ("fish",)),
    ]


def test_only_what_the_lists_are_sure_of_is_learned_without_their_words() -> None:
    one, both = read_examples([Example("my loaf is so dry"), Example("a loaf and a trout")], LISTS)

    assert one.context == {"my", "is", "so", "dry", "is so", "so dry"}
    assert (both.by_lists, both.learned_as) == (("bread", "fish"), ())


def test_weights_are_those_of_laplace() -> None:
    texts = [Read(("a",), None, {"x", "z"}, 0)] * FEWEST_TEXTS + [Read(("b",), None, {"y", "z"}, 0)] * (
        2 * FEWEST_TEXTS
    )
    model = learn(texts)
    assert model is not None

    # Of a: 20 x, 20 z; of b: 40 y, 40 z; three n-grams, each once more: 43 and 83 in all.
    of_x = log(21 / 43), log(1 / 83)
    mean = sum(of_x) / 2
    assert model.weights["x"] == tuple(round(1000 * (one - mean)) for one in of_x)
    assert model.priors == (round(1000 * log(1 / 3)), round(1000 * log(2 / 3)))


def test_what_few_people_wrote_is_not_learned() -> None:
    rare = Read(("a",), None, {"x", "anna"}, 0)
    texts = [Read((topic,), None, {"x"}, 0) for topic in "ab" for _ in range(FEWEST_TEXTS)]
    few, more = (learn([*texts, *[rare] * n]) for n in (FEWEST_WITH_NGRAM - 1, FEWEST_WITH_NGRAM))

    assert few is not None
    assert more is not None
    assert ("anna" in few.weights, "anna" in more.weights) == (False, True)


def test_the_same_texts_in_any_order_make_the_same_model() -> None:
    examples = many(11, 600, keyword=True)
    again = list(examples)
    random.Random(12).shuffle(again)

    assert train(again, LISTS).model.text() == train(examples, LISTS).model.text()


ALONE = Agreement(named=100, right=90, labels=100)


@pytest.mark.parametrize(
    ("found", "both", "says"),
    [
        # Half of 40 topics are right; of 100 texts 51, or 50, have the commonest.
        (Named(100, 40, 20, 51), None, "50% of its topics are right, and to name the commonest alone is in 51%"),
        (Named(100, 40, 20, 50), None, None),
        # F1 of the lists is 0.9: with 20 more topics, of which 9 are right, 2 * 99 / (120 + 100).
        (Named(100, 20, 15, 10), Agreement(120, 99, 100), "F1 is 0.900 with it, and 0.900 with the lists alone"),
        (Named(100, 20, 15, 10), Agreement(120, 100, 100), None),
    ],
)
def test_a_model_is_refused_that_is_worse_than_none(found: Named, both: Agreement | None, says: str | None) -> None:
    assert objection(found, None if both is None else ALONE, both) == says
