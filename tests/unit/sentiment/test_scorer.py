"""What a message to a company scores: the signs are a person's, not the scorer's."""

from __future__ import annotations

import base64
import importlib.metadata
import random
import time
from collections.abc import Callable

import pytest

from streams.sentiment import Scorer, VaderScorer
from streams.sentiment.lexicon import BOOSTERS, NEGATIONS, parse_terms, service_terms, vader_words
from streams.sentiment.messages import _Known
from streams.sentiment.rules import Rules

SCORER = VaderScorer(companies=["Best Buy", "United", "Hope & Glory"])
VADER = VaderScorer()


def score(text: str, lang: str | None = None) -> int:
    value = SCORER.score(text, lang)
    assert value is not None
    return value


@pytest.mark.parametrize(
    "text",
    [
        "I love this shop",
        "Thanks, that was quick!",
        "thank you for your help",
        "The parcel arrived, everything is perfect 😊",
        "👍",
        "❤️",
        "&lt;3",
        "#greatservice is rare, yours is #awesome",
        "#GreatService",
        "not bad at all",
        "can't wait to try it",
        "no problems at all",
        "sooooo goooood",
        "it was great,thanks",
        "I like it",
        "I like the new shop",
        "we like this a lot",
        "This is not it 😀",
        "not only quick but friendly",
        "Nothing but praise",
        "couldn't be happier",
        "never lets me down",
        "Made my day",
    ],
)
def test_praise_is_positive(text: str) -> None:
    assert score(text) > 0


@pytest.mark.parametrize(
    "text",
    [
        "@united is late",
        "United lost my bag",
        "On hold for an hour, then they hung up",
        "No response to three e-mails. Where is my refund?",
        "my parcel is delayed again",
        "The order was cancelled and nobody told me",
        "Still waiting. Still no answer.",
        "lost luggage",
        "I don\N{RIGHT SINGLE QUOTATION MARK}t love it",
        "not good",
        "didn't like it",
        "worst...never again",
        "😡",
        "👎",
        "never arrived",
        "charged twice!!",
        "thanks for nothing",
        "don't like the new shop",
        "I don't like this",
        "It did not come 😢",
        "you let me down",
        "they could care less",
        "Thanks for losing my bag",
        "still haven't got it",
        "no refund",
        "I was put on hold",
    ],
)
def test_complaints_are_negative(text: str) -> None:
    assert score(text) < 0


@pytest.mark.parametrize(
    "text",
    [
        "The parcel is on the table",
        "Where is my order?",
        "@united which gate for UA80?",
        "Best Buy closes at nine",
        "#BestBuy closes at nine",
        "Is it best buy's own brand?",
        "Hope &amp; Glory opens at ten",
        "see https://example.com/great-love-best?a=b?",
        "my address is love@example.com",
        "as seen via @bestfriend",
        "It looks like the first one",
        "something like that",
        "they treat us like numbers",
        "I would like a blue one",
        "Please help me with my number",
        "Can you give me a hand with this?",
        "I wish to join",
        "Kind regards, Ann",
        "No doubt it will",
    ],
)
def test_what_is_no_speech_weighs_nothing(text: str) -> None:
    assert score(text) == 0


def test_a_phrase_is_one_within_a_sentence_and_ends_it() -> None:
    assert score("It was no. Problem with the lamp") < 0 < score("It was no problem with the lamp")
    assert score("They have not taken care. Good lamp") > score("They have not taken care good lamp")


def test_names_are_words_until_they_are_given() -> None:
    text = "Best Buy closes at nine"
    assert VaderScorer().score(text) == 6369  # "best" alone: 3.2 / sqrt(3.2 ** 2 + 15)
    assert SCORER.score(text) == 0


@pytest.mark.parametrize(
    "text", ["@united which gate?", ".@united which gate?", '"@best_buy\'s gate"', "to love@best.com"]
)
def test_mentions_and_addresses_are_never_words(text: str) -> None:
    assert VaderScorer().score(text) == 0


def test_mentions_do_not_keep_words_from_being_neighbours() -> None:
    assert score("not @shop good") == score("not good")
    assert score("the @shop: table is good") == score("the table is good")


def test_intensity_grows_with_boosters_capitals_and_marks() -> None:
    plain, boosted = score("the coffee is good"), score("the coffee is very good")
    loud, marked = score("the coffee is GOOD"), score("the coffee is good!!!")
    assert plain < min(boosted, loud, marked)
    assert score("the coffee is slightly good") < plain


def test_plain_words_score_as_published() -> None:
    assert score("The book was good.") == 4404  # printed by VADER's authors
    assert score("VADER is not smart, handsome, nor funny.") == -7424


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("", None),
        ("   ", "en"),
        ("@united", "en"),
        ("https://t.co/love", None),
        ("12345", None),
        ("!!!", None),
        ("dat is goed", "nl"),
        ("bra gjort", "sv-SE"),
        ("این محصول عالی است", None),
        ("این محصول 😀 است", None),
        ("@great_shop これは最高です", None),
        ("спасибо, great", "ru"),
        ("最高です https://example.com/a-long-page", "en"),
        ("RT @shop: the table is good", None),
        ('"@shop: we love our new store"', None),
        ("> We are happy to help", "en"),
    ],
)
def test_abstains_where_it_cannot_tell(text: str, lang: str | None) -> None:
    assert SCORER.score(text, lang) is None


@pytest.mark.parametrize("lang", [None, "", "en", "EN", "en-GB", "en_US", "und"])
def test_reads_english_of_every_country(lang: str | None) -> None:
    assert score("good", lang) == 4404


def test_latin_letters_with_accents_are_no_foreign_script() -> None:
    assert score("The café's crème brûlée was good") == 4404


def test_is_bounded_and_whole() -> None:
    for text in (
        "best great love awesome amazing!!!! " * 50,
        "worst awful hate terrible!!!! " * 50,
    ):
        value = score(text)
        assert isinstance(value, int)
        assert 9900 < abs(value) <= 10_000


def _base64(size: int) -> str:
    return base64.b64encode(random.Random(1).randbytes(size)).decode()[:size]


LONG_TEXTS: dict[str, Callable[[int], str]] = {
    "letters": lambda size: "a" * size,
    "letters, one with an accent": lambda size: "é" + "a" * (size - 1),
    "letters beside a link": lambda size: "a:// " + "a" * (size - 5),
    "emoji": lambda size: "😀" * size,
    "Chinese": lambda size: "很好的服务" * (size // 5),
    "base64": _base64,
    "base64 with an accent": lambda size: "é" + _base64(size - 1),
    "spaces": lambda size: "é" + " " * (size - 1),
    "at signs": lambda size: "é" + "@" * (size - 1),
    "marks": lambda size: "é" + "&;:/.-#" * (size // 7),
    "links": lambda size: "é" + "www.a://" * (size // 8),
    "praise": lambda size: "good but bad, " * (size // 14),
    "brackets": lambda size: "<a" * (size // 2),
    "blockquotes": lambda size: "<blockquote>" * (size // 12),
    "quoted posts": lambda size: ' "@a:' * (size // 5),
    "retweets": lambda size: "é RT @a" * (size // 7),
    "attributions": lambda size: "On 1 wrote: " * (size // 12),
    "beginnings of an attribution": lambda size: "On " * (size // 3 - 2) + "wrote:",
    "lines from somebody": lambda size: "From: a\n" * (size // 8),
    "quoted lines": lambda size: "> a\n" * (size // 4),
    "closings": lambda size: "Thanks\n" * (size // 7),
    "lines": lambda size: "--\r\n_\n" * (size // 6),
    "Urdu": lambda size: "یہ اچھا نہیں ہے لیکن " * (size // 19),
    "Telugu in one word": lambda size: "బాగ" * (size // 3),
    "Spanish without a word": lambda size: "que me estás diciendo ahora " * (size // 28),
    "Arabic letters drawn out": lambda size: "و" * size,
    "a number as an entity": lambda size: "&#" + "1" * (size - 2),
}


@pytest.mark.parametrize("write", LONG_TEXTS.values(), ids=list(LONG_TEXTS))
def test_time_grows_with_the_text_not_with_its_square(write: Callable[[int], str]) -> None:
    def spent(size: int) -> float:
        text = write(size)
        times = []
        for _ in range(5):
            start = time.process_time()
            VADER.score(text)
            times.append(time.process_time() - start)
        return min(times)

    # Four times the text: 4 times as long if it is in proportion, 16 times if it goes by the square.
    assert spent(10_000) < 10 * max(spent(2_500), 0.005)


@pytest.mark.parametrize("write", LONG_TEXTS.values(), ids=list(LONG_TEXTS))
def test_of_a_text_as_long_as_can_come_only_the_beginning_is_read(write: Callable[[int], str]) -> None:
    text = write(1 << 20)
    start = time.process_time()
    assert VADER.score(text) == VADER.score(text[:10_000])
    assert time.process_time() - start < 2


def test_an_emoji_counts_as_the_words_that_name_it_among_the_characters_that_are_read() -> None:
    """A cat of 35 characters, ten thousand times, took 24 ms."""
    offices = "\N{OFFICE BUILDING}"  # "office building", 15 characters and a space on either side
    assert score(offices * 580 + " awful") < 0
    assert SCORER.score(offices * 590 + " awful") == SCORER.score(offices * 590)


def test_a_character_of_private_use_makes_no_emoji_of_a_word() -> None:
    assert score("not good\ue000 at all") == score("not good at all") < 0


def test_does_not_depend_on_what_was_scored_before() -> None:
    texts = ["not GOOD", "the shit", "#GreatService", "sooo good", "😡 but fine"]
    fresh = [VaderScorer().score(text) for text in texts]
    scorer = VaderScorer()
    assert [scorer.score(text) for text in texts * 2] == fresh * 2


def test_name_carries_the_versions() -> None:
    scorer: Scorer = SCORER
    assert scorer.name == f"vader-{importlib.metadata.version('vaderSentiment')}+rules-2+service-2+words-1"


def test_service_terms_leave_negations_and_boosters_alone() -> None:
    words = service_terms().words
    # A negation or a booster with a weight of its own would no longer work on the word after it.
    assert not words.keys() & NEGATIONS
    assert not words.keys() & BOOSTERS.keys()


def test_service_terms_are_sound() -> None:
    terms = service_terms()
    known = vader_words()
    assert all(-4 <= weight <= 4 for weight in (*terms.words.values(), *terms.phrases.values()))
    assert all(word in known for word, weight in terms.words.items() if weight == 0)
    assert all(term == term.lower() for term in (*terms.words, *map(" ".join, terms.phrases)))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1: must be"),
        (["late\t-1\twaiting"], "line 1: must be"),
        (["# version: 1", "late -1 waiting"], "line 2: must be term"),
        (["# version: 1", "late\t-1\t"], "line 2: must be term"),
        (["# version: 1", "late\tbad\twaiting"], "line 2: weight 'bad' is no number"),
        (["# version: 1", "late\t-1\ta", "late\t-2\tb"], "line 3: 'late' is there twice"),
    ],
)
def test_bad_service_terms_are_named(lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_terms(lines)


def test_a_token_of_many_words_is_not_remembered() -> None:
    known = _Known(lambda token: tuple(map(Rules().look_up, token.split("-"))))

    assert len(known["a-b-c-d"]) == 4
    assert len(known["a-b-c-d-e"]) == 5
    assert list(known) == ["a-b-c-d"]
