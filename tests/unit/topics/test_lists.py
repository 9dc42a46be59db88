"""The word lists that ship, and those of an operator's file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from streams.topics import TopicFinder, TopicsError, WordLists, read_lists, shipped_lists
from streams.topics.spotter import KNOWN_WORDS, LONGEST_WORD

WORDS = Path(__file__).parents[3] / "streams" / "topics" / "words.toml"


def find(lists: WordLists, text: str, lang: str | None = None) -> tuple[str, ...]:
    return TopicFinder(lists).find(text, lang).topics


def test_each_word_that_ships_is_about_its_topic() -> None:
    for topic, terms in tomllib.loads(WORDS.read_text("utf-8"))["topics"].items():
        for term in terms:
            assert topic in find(shipped_lists(), f"well, {term} it is"), term
        assert len(set(terms)) == len(terms), topic


def test_a_word_that_ships_belongs_to_one_topic() -> None:
    terms = [term for of_one in tomllib.loads(WORDS.read_text("utf-8"))["topics"].values() for term in of_one]

    assert len(set(terms)) == len(terms)


def test_words_of_ones_own_come_beside_those_that_ship() -> None:
    lists = read_lists('[topics]\ndelivery = ["hub"]\nparking = ["car park", "park*"]')

    assert find(lists, "the hub") == find(lists, "a parcel") == ("delivery",)
    assert find(lists, "your car park") == find(lists, "no parking!") == ("parking",)
    assert find(lists, "the spark") == ()
    assert lists.topics[-1] == "parking"


def test_words_that_ship_can_be_taken_away() -> None:
    lists = read_lists('[without]\nprice = ["cheap"]\navailability = ["stock"]')

    assert find(lists, "cheap stock") == ()
    assert find(lists, "cheaper") == ("price",)


def test_the_shipped_lists_can_be_left_out() -> None:
    lists = read_lists('shipped = false\n[topics]\nfleet = ["car*"]')

    assert lists.topics == ("fleet",)
    assert find(lists, "my parcel") == ()
    assert find(lists, "two cars, and a refund") == ("fleet",)


def test_a_word_may_be_about_two_topics_and_begin_as_others_do() -> None:
    terms = 'a = ["late*", "latest news"]\nb = ["lately", "latest"]\nc = ["late"]'
    lists = read_lists(f"shipped = false\n[topics]\n{terms}")

    assert find(lists, "lately") == ("a", "b")
    assert find(lists, "late") == ("a", "c")
    assert find(lists, "the latest news") == ("a",)
    assert find(lists, "the latest one") == ("a", "b")


def test_words_of_a_language_are_looked_for_in_its_texts_and_in_those_without_a_tag() -> None:
    lists = read_lists('languages = ["de"]\n[topics]\ndelivery = ["paket*", "zu spät"]')

    assert find(lists, "Mein PAKETBOTE kam zu spät", "de-CH") == find(lists, "paket") == ("delivery",)
    assert find(lists, "paket", "en") == find(lists, "paket", "fr") == ()
    assert find(lists, "my parcel", "de") == ()


def test_words_for_all_languages_are_looked_for_in_all() -> None:
    assert find(read_lists('[topics]\ndelivery = ["paket"]'), "paket", "fr") == ("delivery",)


def test_lists_that_may_differ_differ_in_name() -> None:
    one, other = read_lists('[topics]\na = ["b"]'), read_lists('[topics]\na = ["c"]')

    assert shipped_lists().name == "words-1"
    assert one.name.startswith("words-1+own-")
    assert one.name != other.name
    assert read_lists('[topics]\na = ["b"]').name == one.name
    assert read_lists('shipped = false\n[topics]\na = ["b"]').name.startswith("own-")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("topics = 1", "object"),
        ("[topic]\na = ['b']", "unknown field `topic`"),
        ("[topics]\na = [", "end of document"),
        ("[topics]\na = ['']", r"topics\.a: '' is no term"),
        ("[topics]\na = ['!']", r"topics\.a: '!' is no term"),
        ("[topics]\na = ['one two three four five six']", "write 1 to 5 words"),
        ("[topics]\na = ['ab*']", "3 letters or more"),
        ("[topics]\na = ['very lat*']", "one word of 3 letters"),
        ("[topics]\na = ['a*b']", "is no term"),
        ("[topics]\n'a,b' = ['c']", "topic 'a,b'"),
        ("[topics]\n'' = ['c']", "topic ''"),
        ("[without]\nprice = ['dear']", r"without\.price: 'dear' is not in the shipped list"),
        ("[without]\ndear = ['price']", r"without\.dear: 'price' is not in the shipped list"),
        ("shipped = false", "there are 0 topics"),
        ("shipped = false\n[without]\nprice = ['cheap']\n[topics]\na = ['b']", "none count"),
        ("languages = ['d']", "languages"),
        ("[topics]\n" + "\n".join(f"t{number} = ['x']" for number in range(65)), "there are 75 topics"),
    ],
)
def test_a_file_that_does_not_hold_is_refused(text: str, message: str) -> None:
    with pytest.raises(TopicsError, match=message):
        read_lists(text)


def test_the_memory_for_words_is_bounded() -> None:
    spotter = read_lists('[topics]\na = ["late*"]').spotter(None)
    spotter.spot([f"w{number}" for number in range(KNOWN_WORDS + 1)])
    held = spotter.spot(["later"])

    assert [match.topics for match in held] == [("a",)]
    assert len(spotter._known) < KNOWN_WORDS  # what it keeps cannot be seen otherwise


def test_a_very_long_word_is_read_and_not_remembered() -> None:
    spotter = read_lists('[topics]\na = ["late*"]').spotter(None)
    long = "late" + "r" * LONGEST_WORD

    assert [match.topics for match in spotter.spot([long])] == [("a",)]
    assert long not in spotter._known  # what it keeps cannot be seen otherwise
