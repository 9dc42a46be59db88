"""Which language a message is in: English or another one, told by function words and by letters.

Function words make up about half of a text, are few, and differ from language to language. The lists
(`function_words.tsv`) serve this one decision: they need not tell German from Dutch.
"""

from __future__ import annotations

import re
from typing import Final

from streams.sentiment.lexicon import lines_of
from streams.sentiment.rules import Word

# What a word adds to the evidence that its message is English.
_FUNCTION_WORD: Final = 2
_COMMON_WORD: Final = 1
_FOREIGN_WORD: Final = -2
_FOREIGN_LETTERS: Final = -2
_ENGLISH_SHAPE: Final = 1
_FOREIGN_SHAPE: Final = -1

_SHORTEST_SHAPE: Final = 3  # characters whose ending tells nothing
SHORT: Final = 3
"""Words of a message that may be English without a word that says so: "Super!"."""

# "l'heure", "dell'ordine": an article or preposition before the apostrophe, which no English word has there.
_ELIDED = re.compile(r"(?:l|d|j|qu|dell|nell|sull|dall|all|un|quest)'\w\w")
# Letters of words that English has borrowed, such as "café" and "jalapeño".
_BORROWED_LETTERS = frozenset("éèêëàâîïôûçñ")
_LATIN_LETTERS = re.compile("[A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]+")
_BEYOND_LATIN = re.compile("[\u0250-\u1dff\u1f00-\u1fff\u2c00-\U0010ffff]")
_ENGLISH_ENDINGS = ("ly", "ness", "ful", "less", "n't")
# Endings that are rare in English: of the Romance languages, of German and Dutch, of Turkish.
_FOREIGN_ENDINGS = ("a", "o", "i", "u", "dad", "mente", "keit", "heit", "lich", "isch", "lijk", "heid", "lar")


def function_words() -> list[tuple[str, list[str]]]:
    """Read the lines of `function_words.tsv`: a language or kind, and words of it."""
    lines = (line.split("\t") for line in lines_of("streams.sentiment", "function_words.tsv") if line[0] != "#")
    return [(language, words.split()) for language, words in lines]


class FunctionWords:
    """How much each word says for English, or against it."""

    def __init__(self) -> None:
        """Read the lists."""
        weights = {"english": _FUNCTION_WORD, "common": _COMMON_WORD, "shared": 0}
        self._evidence = {
            word: weights.get(language, _FOREIGN_WORD) for language, words in function_words() for word in words
        }

    def evidence(self, word: str, scored: bool, title: bool) -> int:
        """Return how much a word says for English (above 0) or for another language (below 0).

        Args:
            word: lower-case, stripped of punctuation.
            scored: the word is one of the scorer's lexicon, which is English.
            title: the word begins with a capital letter, and may be a name.
        """
        known = self._evidence.get(word)
        if known is not None:
            return known
        if scored:
            return _COMMON_WORD if word[:1].isalpha() else 0
        if "'" in word and _ELIDED.match(word):
            return _FOREIGN_WORD
        return 0 if title and word.isascii() else _shape(word)


def _shape(word: str) -> int:
    """Return what the letters and the ending of an unknown word say."""
    if not word.isascii():
        letters = {char for char in word if char.isalpha() and char > "\x7f"}
        return _FOREIGN_LETTERS if letters - _BORROWED_LETTERS else _FOREIGN_SHAPE if letters else 0
    if len(word) <= _SHORTEST_SHAPE:
        return 0
    if word.endswith(_ENGLISH_ENDINGS):
        return _ENGLISH_SHAPE
    return _FOREIGN_SHAPE if word.isalpha() and word.endswith(_FOREIGN_ENDINGS) else 0


def is_english(words: list[Word]) -> bool:
    """Tell whether the words of a message in Latin letters are English."""
    balance = sum([word.english for word in words])
    if balance != 0:
        return balance > 0
    spoken = [word for word in words if not word.emotion]
    return not spoken or (len(spoken) <= SHORT and any(word.scored for word in spoken))


def mostly_foreign(text: str) -> bool:
    """Tell whether most letters of a message, mentions and links aside, are not Latin."""
    if not _BEYOND_LATIN.search(text):
        return False
    if "@" in text or "://" in text or "www." in text:
        tokens = text.split()
        text = " ".join(token for token in tokens if "@" not in token and "://" not in token and "www." not in token)
    latin = sum(map(len, _LATIN_LETTERS.findall(text)))
    return 2 * latin < sum(map(str.isalpha, text))
