"""What texts are about by the word lists: the topics are a person's, not the lists'."""

from __future__ import annotations

import pytest

from streams.topics import Found, TopicFinder, TopicModel, read_lists, shipped_lists
from streams.topics.reading import LONGEST_TEXT, words_of

FINDER = TopicFinder(shipped_lists())


def topics(text: str, lang: str | None = None) -> tuple[str, ...]:
    return FINDER.find(text, lang).topics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where is my parcel? The courier lost it.", ("delivery",)),
        ("Far too EXPENSIVE!!!", ("price",)),
        ("your web-site won't load", ("website",)),
        ("I stood in line for ages", ("waiting",)),
        ("Your cashier was rude", ("staff",)),
        ("it fell apart after a day", ("product",)),
        ("My credit card was declined", ("payment",)),
        ("I want my money back", ("returns",)),
        ("I forgot my password", ("account",)),
        ("Sold out again?", ("availability",)),
        ("Where are you?", ()),
        ("", ()),
        ("@parcel https://parcel.example/refund www.refund.example refund@price.example", ()),
    ],
)
def test_a_text_is_about_what_a_person_would_say(text: str, expected: tuple[str, ...]) -> None:
    assert topics(text) == expected


def test_a_text_may_be_about_several_things_the_strongest_first() -> None:
    assert topics("The price is fine, but the courier lost the parcel") == ("delivery", "price")
    # Equally strong: the first that is named.
    assert topics("refund for a broken thing") == ("returns", "product")
    assert topics("a broken thing, refund") == ("product", "returns")
    # One word said often is one word.
    assert topics("refund refund refund: courier, parcel") == ("delivery", "returns")


def test_a_phrase_counts_as_one_word_and_not_as_those_in_it() -> None:
    # "item" alone is the product, and "out of stock" holds "stock".
    assert topics("the wrong item") == ("product",)
    cards = read_lists('shipped = false\n[topics]\na = ["gift card"]\nb = ["card"]')
    assert TopicFinder(cards).find("a gift card").topics == ("a",)
    assert TopicFinder(read_lists('shipped = false\n[topics]\na = ["gift card"]\nb = ["card", "gift"]')).find(
        "a gift card, and one more card"
    ).topics == ("a", "b")


def test_typographic_apostrophes_and_entities_are_read() -> None:
    assert topics("it doesn\N{RIGHT SINGLE QUOTATION MARK}t work") == ("product",)
    assert words_of("price&amp;quality &gt; 3") == ["price", "quality", "3"]


def test_lists_of_a_language_do_not_look_at_texts_in_another() -> None:
    # A cost in English, and a town's name in German.
    assert topics("Die Fee war da", "de-AT") == ()
    assert topics("the fee", "en_GB") == topics("the fee", "und") == topics("the fee") == ("price",)


def test_only_the_beginning_of_a_very_long_text_is_read() -> None:
    assert topics("x " * (LONGEST_TEXT // 2 - 10) + "refund") == ("returns",)
    assert topics("x " * (LONGEST_TEXT // 2) + "refund") == ()


def test_what_was_found_names_what_found_it() -> None:
    assert FINDER.find("refund") == Found(("returns",), "words-1")
    assert FINDER.find("hello") == Found((), "")


MODEL = TopicModel(("meals", "seats"), (-700, -700), {"legroom": (-2000, 2000), "no": (-500, 500)}, 0.9)


def test_the_model_is_asked_only_where_the_lists_say_nothing() -> None:
    finder = TopicFinder(shipped_lists(), MODEL)

    assert finder.find("no legroom") == Found(("seats",), MODEL.name)
    assert finder.find("no legroom, no refund") == Found(("returns",), "words-1")
    assert finder.find("no") == Found((), "")


def test_a_finder_says_the_same_again_and_as_a_new_one() -> None:
    texts = ["no legroom", "refund", "hello", "the courier is late", "no legroom"]
    fresh = [TopicFinder(shipped_lists(), MODEL).find(text) for text in texts]
    finder = TopicFinder(shipped_lists(), MODEL)

    assert [finder.find(text) for text in texts * 2] == fresh * 2
