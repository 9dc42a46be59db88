"""Tells which of the languages that have a list of words a message is in: by letters, and by function words."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache
from itertools import chain
from typing import Final, NamedTuple

from streams.sentiment.language import function_words
from streams.sentiment.lexicon import lines_of
from streams.sentiment.word_list import LANGUAGES, MARKS
from streams.sentiment.word_rules import KNOWN_TOKENS, LONGEST_TOKEN

_CODES: Final = {
    "ara": "ar", "deu": "de", "fra": "fr", "fre": "fr", "ger": "de", "hin": "hi", "ita": "it", "por": "pt",
    "spa": "es", "tel": "te", "urd": "ur",
}  # fmt: skip
_LETTERS: Final = {
    "telugu": re.compile("[\u0c05-\u0c39\u0c58-\u0c61]"),
    "devanagari": re.compile("[\u0904-\u0939\u0958-\u0961\u0972-\u097f]"),
    "marathi": re.compile("\u0933"),
    "arabic": re.compile("[\u0620-\u064a\u066e-\u06d3\u06d5\u06ee-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
    # In Arabic letters: those that Urdu alone has, of the languages that many write in them; Persian's, which Arabic
    # lacks; what only Arabic is written with, or its article; and those of Pashto, Sindhi, Kurdish and Uighur.
    "ur": re.compile("[\u0679\u0688\u0691\u06ba\u06be\u06c1\u06d2\u06d3]"),
    "persian_letters": re.compile("[\u067e\u0686\u0698\u06a9\u06af\u06cc]"),
    "ar": re.compile("[\u0623\u0625\u0629\u0649\u064a\u0643]|^\\W*\u0627\u0644"),
    "other": re.compile(
        "[\u067a\u067b\u067c\u067d\u067f\u0680\u0681\u0683\u0684\u0685\u0687\u0689\u068a\u068c\u068d\u068f\u0693\u0695"
        "\u0696\u069a\u06a6\u06aa\u06ab\u06b1\u06b3\u06b5\u06bb\u06bc\u06c6\u06c7\u06c8\u06cb\u06cd\u06ce\u06d0\u06d5]"
    ),
}
"""What tells a language that is not written in Latin letters, by its name among `_Letters`."""
_WORDS = re.compile(rf"[\w{MARKS}]+")
_WORD_WEIGHT: Final = 2
"""Letters that a function word is worth."""
_IN_OTHER_LETTERS: Final = frozenset({"ar", "hi", "te", "ur"})
"""Languages whose lists of words are not in Latin letters, in which some people write them."""


class _Letters(NamedTuple):
    """How many letters of a text are of a script, or tell a language; a function word is worth some.

    Attributes:
        foreign: letters that are not Latin.
    """

    foreign: int = 0
    telugu: int = 0
    devanagari: int = 0
    arabic: int = 0
    hi: int = 0
    marathi: int = 0
    ur: int = 0
    ar: int = 0
    fa: int = 0
    persian_letters: int = 0
    other: int = 0


def listed_language(tag: str) -> str | None:
    """Return which of `LANGUAGES` a primary tag of BCP 47, in small letters, names; None where it is none."""
    code = _CODES.get(tag, tag)
    return code if code in LANGUAGES else None


def language_by_script(text: str) -> str | None:
    """Return which of `LANGUAGES` a message is in, most letters of which are not Latin; None where it is none."""
    told = [_told_by_letters(token[:LONGEST_TOKEN]) for token in text.split()]
    if not told:
        return None
    counts = _Letters(*map(sum, zip(*told, strict=True)))
    most = max(counts.telugu, counts.devanagari, counts.arabic)
    if 2 * most <= counts.foreign:
        return None
    if counts.telugu == most:
        return listed_language("te")
    if counts.devanagari == most:
        return listed_language("hi") if counts.hi >= counts.other + counts.marathi else None
    if counts.ur > max(counts.other, counts.ar, counts.fa):
        return listed_language("ur")
    persian = counts.fa + counts.persian_letters
    return listed_language("ar") if counts.ar > max(counts.other, persian, counts.ur) else None


@lru_cache(KNOWN_TOKENS)
def _told_by_letters(token: str) -> _Letters:
    """Return what a token of a text says for languages that are not written in Latin letters."""
    if "@" in token or "://" in token:
        return _Letters()
    counts = Counter({name: len(letters.findall(token)) for name, letters in _LETTERS.items()})
    counts["foreign"] = sum(char.isalpha() and char >= "\u0250" for char in token)
    for word in _WORDS.findall(token):
        if language := script_words().get(word):
            counts[language] += _WORD_WEIGHT
    return _Letters(**counts)


@cache
def script_words() -> dict[str, str]:
    """Read `script_words.tsv`: function words of languages that are not written in Latin letters -> the language."""
    lines = (line.split("\t") for line in lines_of("streams.sentiment", "script_words.tsv") if line[0] != "#")
    return {word: language for language, words in lines for word in words.split()}


def language_by_words(text: str) -> str | None:
    """Return which of `LANGUAGES` a message in Latin letters is in that is not English; None where it is none."""
    counts = Counter(chain.from_iterable([_told_by_words(token[:LONGEST_TOKEN]) for token in text.split()]))
    if not counts:
        return None
    most = max(counts.values())
    languages = [language for language, count in counts.items() if count == most]
    if len(languages) > 1 or languages[0] in _IN_OTHER_LETTERS:
        return None
    return listed_language(languages[0])


@lru_cache(KNOWN_TOKENS)
def _told_by_words(token: str) -> tuple[str, ...]:
    """Return the languages whose words are in a token of a text."""
    known = _latin_words()
    return tuple(language for word in _WORDS.findall(token.lower()) for language in known.get(word, ()))


@cache
def _latin_words() -> dict[str, list[str]]:
    """Read `latin_words.tsv`, and of other languages the function words: word -> languages that have it."""
    lines = [line.split("\t") for line in lines_of("streams.sentiment", "latin_words.tsv") if line[0] != "#"]
    known: dict[str, list[str]] = {}
    for language, words in lines:
        for word in words.split():
            known.setdefault(word, []).append(language)
    aside = {"english", "common", "shared", *(language for language, _ in lines)}
    for language, theirs in function_words():
        if language not in aside:
            for word in theirs:
                known.setdefault(word, []).append(language)
    return known
