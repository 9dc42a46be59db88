"""What of a message to a company is speech: without mentions, links, forwarding marks and names.

"@united is late" praises nobody, a link's letters are no words, and a typographic apostrophe is an
apostrophe. All of this is settled token by token and remembered: most tokens come again and again.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from streams.sentiment.language import FunctionWords, is_english
from streams.sentiment.lexicon import vader_emoji
from streams.sentiment.rules import KNOWN_WORDS, Rules, Word
from streams.sentiment.word_list import MARKS

LONGEST_TEXT = 10_000
"""Characters of a text that are read, an emoji as its words: what it says, it has said by then."""
LONGEST_TOKEN = 200
"""Characters of a token that are read; a longer one is no word, and is not remembered."""
MOST_WORDS = 4
"""Words in a token that is remembered: a hashtag can hold a hundred, and takes as much memory."""
# From where the letters begin, and never back: else a long run of letters is gone through again
# from each of them.
_URL = re.compile(r"(?:(?<![a-z])[a-z]++://|www\.)\S+", re.IGNORECASE)
_FORWARDING = frozenset({"rt", "mt", "via"})
_HASHTAG = re.compile(r"#(?=[^\W\d_])")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Words run together: "late.No", "rude/slow". Two letters on each side keep "e.g." and "w/o" whole.
_GLUE = re.compile(r"(?<=[A-Za-z]{2})(?:--+|[.,;:!?/]+)(?=[A-Za-z]{2})")
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}", re.IGNORECASE)
_LETTERS = re.compile(rf"[\w{MARKS}]+")
# A sign beside those of which most texts are made.
_MAYBE_EMOTION = re.compile(rf"[^\w\s{MARKS}.,!?\"'\u060c\u061f\u06d4\u0964]")
# Between the words that name an emoji, and after them: a character of private use, which a message has for a space.
_EMOJI_JOINT = "\ue000"


@dataclass(slots=True)
class Message:
    """What a message says.

    Attributes:
        words: in order, phrases as one word.
        text: without links and with emoji spelt out: where punctuation is counted.
        english: by its words, it is English and no other language.
    """

    words: list[Word]
    text: str
    english: bool


class Reader:
    """Reads messages into the words that rules score. Not for use by several threads at once."""

    def __init__(self, rules: Rules, phrases: Mapping[tuple[str, ...], float], companies: Iterable[str] = ()) -> None:
        """Build a reader.

        Args:
            rules: who knows what a word is.
            phrases: lower-case words -> weight; a phrase counts as one word, one without weight
                where that is 0.
            companies: names that are no words, in any case, with or without their spaces.
        """
        self._rules = rules
        self._function_words = FunctionWords()
        self._known = _Known(self._read_token)
        # First word, second word -> the words from the second on, and what the phrase counts as
        # (None: nothing), the longest first.
        self._phrases: dict[str, dict[str, list[tuple[list[str], Word | None]]]] = {}
        self._silent = set(_FORWARDING)
        for phrase, weight in phrases.items():
            scored = weight != 0
            self._add(phrase, Word(" ".join(phrase), weight if scored else None, scored))
        for company in companies:
            self._add_company(tuple(company.lower().split()))
        joined = {emoji: what.replace(" ", _EMOJI_JOINT) for emoji, what in vader_emoji().items()}
        names = {emoji: f" {name}{_EMOJI_JOINT}" for emoji, name in joined.items()}
        self._emoji = str.maketrans({_EMOJI_JOINT: " ", **names})

    def read(self, text: str) -> Message:
        """Read the customer's own words (`own_words`), of `LONGEST_TEXT` characters at most."""
        if not text.isascii():
            text = text.translate(self._emoji)[:LONGEST_TEXT]
        if "://" in text or "www." in text:
            text = _URL.sub(" ", text)
        known = self._known
        if len(known) > KNOWN_WORDS:
            known.clear()
        words = [word for token in text.split() for word in known[token]]
        english = is_english(words)
        if True in [word.opens for word in words]:
            words = self._joined(words)
        return Message(words, text, english)

    def emotions(self, text: str) -> list[Word]:
        """Return the emoticons and emoji of a text in any language."""
        if not _MAYBE_EMOTION.search(text):
            return []
        return emotions_of(self.read(_LETTERS.sub(" ", text)).words)

    def _add(self, phrase: tuple[str, ...], meaning: Word | None) -> None:
        first, *rest = phrase
        phrases = self._phrases.setdefault(first, {}).setdefault(rest[0], [])
        phrases.append((rest, meaning))
        phrases.sort(key=lambda each: -len(each[0]))

    def _add_company(self, name: tuple[str, ...]) -> None:
        if not name:
            return
        self._silent.add("".join(name))
        self._silent.add("".join(name) + "'s")
        if len(name) > 1:
            self._add(name, None)
            self._add((*name[:-1], name[-1] + "'s"), None)

    def _read_token(self, token: str) -> tuple[Word, ...]:
        if _EMOJI_JOINT not in token:
            return tuple(self._read_words(token))
        emoji, _, token = token.rpartition(_EMOJI_JOINT)
        return (*self._read_emoji(emoji), *self._read_words(token))

    def _read_emoji(self, names: str) -> list[Word]:
        """Return what emoji mean: of the words that name them, those that weigh."""
        words = self._joined([self._read_word(name) for name in names.split(_EMOJI_JOINT)])
        return [replace(word, emotion=True, opens=False, english=0) for word in words if word.scored]

    def _read_words(self, token: str) -> list[Word]:
        if "&" in token:
            token = html.unescape(token)
        if "@" in token and any(char.isalnum() for char in token.partition("@")[2]):
            return []  # a mention or an e-mail address
        pieces = [token] if token.isalpha() else _GLUE.sub(r"\g<0> ", _without_hashtag(token)).split()
        words = [self._read_word(piece) for piece in pieces]
        if "#" in token:  # posts in other languages have English hashtags
            for word in words:
                word.english = 0
        return [word for word in words if word.text not in self._silent]

    def _read_word(self, piece: str) -> Word:
        word = self._rules.look_up(piece)
        if word.weight is None and word.boost == 0.0 and _DRAWN_OUT.search(piece):
            word = self._shortened(piece, word)
        word.opens = word.text in self._phrases
        word.english = self._function_words.evidence(word.text, word.scored, word.title)
        return word

    def _shortened(self, piece: str, word: Word) -> Word:
        """Return the word that was drawn out ("sooo", "goooood"), or `word` where none is known."""
        for letters in (r"\1\1", r"\1"):
            short = self._rules.look_up(_DRAWN_OUT.sub(letters, piece))
            if short.weight is not None or short.boost != 0.0 or short.negates:
                return short
        return word

    def _joined(self, words: list[Word]) -> list[Word]:
        """Return the words with each phrase as one word."""
        joined: list[Word] = []
        begin = 0
        phrases = self._phrases
        for place, following in enumerate(words[1:]):
            word = words[place]
            if word.opens and place >= begin and following.text in phrases[word.text]:
                meaning, length = self._phrase_at(words, place)
                if length:
                    joined += words[begin:place]
                    if meaning is not None:
                        joined.append(meaning)
                    begin = place + length
        return joined + words[begin:] if begin else words

    def _phrase_at(self, words: list[Word], place: int) -> tuple[Word | None, int]:
        """Return what the phrase at `place` counts as (None: nothing), and its words: none where there is no phrase."""
        for rest, meaning in self._phrases[words[place].text][words[place + 1].text]:
            phrase = words[place : place + 1 + len(rest)]
            if [word.text for word in phrase[1:]] == rest and True not in [word.ends for word in phrase[:-1]]:
                return _ending_as(meaning, phrase[-1]), len(phrase)
        return None, 0


def emotions_of(words: list[Word]) -> list[Word]:
    """Return the emoticons and emoji that weigh, of the words of a message."""
    return [word for word in words if word.emotion and word.scored]


class _Known(dict[str, tuple[Word, ...]]):
    """Tokens read before, and the words in them."""

    def __init__(self, read: Callable[[str], tuple[Word, ...]]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, token: str) -> tuple[Word, ...]:
        words = self._read(token[:LONGEST_TOKEN])
        if len(token) <= LONGEST_TOKEN and len(words) <= MOST_WORDS:
            self[token] = words
        return words


def _without_hashtag(token: str) -> str:
    if "#" not in token:
        return token
    return _HUMP.sub(" ", _HASHTAG.sub(" ", token))


def _ending_as(meaning: Word | None, last: Word) -> Word | None:
    """Return what a phrase counts as, which ends a sentence if its last word does."""
    if meaning is None or not last.ends:
        return meaning
    return replace(meaning, ends=True, asks=last.asks)
