"""The list of words by which a language other than English is scored: what they weigh, negate and strengthen.

A list is `words/<language>.tsv`. Each line has a weight from -4 to 4, or one of `not` (turns what follows), `not
behind` (turns what stands before it, as where verbs end a sentence), `not around` (both), `more`, `less` and `but`;
then a tab, and the terms, separated by commas. `stem*` stands for all words that begin so, `*ending` (a `not behind`
alone) for all that end so: such a word negates itself where it weighs. 0 takes a word out of both. After `prefix` is
what may be written before a word without a space, as "and" and "the" in Arabic.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from math import nan
from typing import Final

from streams.sentiment.lexicon import lines_of

LANGUAGES: Final = ("ar", "de", "es", "fr", "hi", "it", "pt", "te", "ur")
"""BCP 47 codes of the languages that have a list."""
WORDS_VERSION: Final = 1
"""Of all lists, of the rules over them and of how these languages are told: raised when scores change."""
MARKS: Final = (
    "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963"
    "\u0c00-\u0c04\u0c3c-\u0c4d\u0c55\u0c56\u0c62\u0c63"
)
"""Vowel signs and accents, of which Python's `\\w` knows nothing, for a class of a regular expression."""
_KINDS: Final = frozenset({"not", "not behind", "not around", "more", "less", "but", "prefix"})
_GREATEST: Final = 4.0
# Languages that are often written without their accents.
_WITHOUT_ACCENTS: Final = frozenset({"es", "fr", "it", "pt"})
# Letters that keyboards of other languages put in, and marks that most people leave out.
_VOWELS: Final = "".join(map(chr, (0x640, *range(0x64B, 0x660), 0x670)))  # and the stroke that draws words out
_PLAIN: Final = {
    "ar": str.maketrans("أإآىة", "ااايه", _VOWELS),
    "hi": str.maketrans("\N{DEVANAGARI SIGN CANDRABINDU}", "\N{DEVANAGARI SIGN ANUSVARA}", "\N{DEVANAGARI SIGN NUKTA}"),
    "ur": str.maketrans("يىكهةۂۀ", "ییکہہہہ", _VOWELS),
}


@dataclass
class WordList:
    """What the words of a language say.

    Attributes:
        terms: a word -> its weight, or its kind.
        stems: how a word begins -> the same.
        negated_endings: endings by which a word negates itself.
        prefixes: what may stand before a word.
        phrases: first word -> second word -> the words that follow the first, with what the phrase says; the longest
            first.
    """

    terms: dict[str, float | str] = field(default_factory=dict)
    stems: dict[str, float | str] = field(default_factory=dict)
    negated_endings: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    phrases: dict[str, dict[str, list[tuple[tuple[str, ...], float | str]]]] = field(default_factory=dict)


def plain(text: str, language: str) -> str:
    """Return a text in the letters in which words of a language are looked up."""
    text = text.lower()
    if language in _WITHOUT_ACCENTS:
        return text if text.isascii() else _without(text)
    # Composed, or what Unicode never composes apart, as Hindi's dotted letters.
    text = unicodedata.normalize("NFC", text)
    table = _PLAIN.get(language)
    return text if table is None else text.translate(table)


def _without(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


@cache
def word_list(language: str) -> WordList:
    """Read the list of a language, one of `LANGUAGES`.

    Raises:
        ValueError: a line does not hold; its number and what is wrong are named.
    """
    return parse_list(lines_of("streams.sentiment", f"words/{language}.tsv"), language)


def without_names(words: WordList, names: Iterable[str], language: str) -> WordList:
    """Return a list in which names of companies, with or without their spaces, are no words that weigh."""
    terms, phrases = dict(words.terms), dict(words.phrases)
    for name in names:
        first, *rest = plain(name, language).split() or [""]
        terms["".join((first, *rest))] = 0.0
        if rest:
            known = phrases.get(first, {})
            longest_first = sorted([(tuple(rest), 0.0), *known.get(rest[0], [])], key=lambda each: -len(each[0]))
            phrases[first] = {**known, rest[0]: longest_first}
    return replace(words, terms=terms, phrases=phrases)


def parse_list(lines: list[str], language: str) -> WordList:
    """Read the lines of a list (see `word_list`)."""
    found = WordList()
    for number, line in enumerate(lines, 1):
        if not line.startswith("#"):
            try:
                _add_line(found, line, language)
            except ValueError as error:
                raise ValueError(f"words of {language}, line {number}: {error}") from None
    return found


def _add_line(found: WordList, line: str, language: str) -> None:
    says, tab, terms = line.partition("\t")
    if not tab:
        raise ValueError("must be a weight or a kind, a tab, and terms separated by commas")
    meaning = says if says in _KINDS else _weight(says)
    for term in terms.split(","):
        _add_term(found, plain(term.strip(), language), meaning)


def _add_term(found: WordList, term: str, meaning: float | str) -> None:
    first, *rest = term.split() or [""]
    if not first.strip("*"):
        raise ValueError("a term is empty")
    if first.startswith("*"):
        if meaning != "not behind" or rest:
            raise ValueError(f"{term!r}: an ending can only be a 'not behind'")
        found.negated_endings.append(first[1:])
        return
    if meaning == "prefix":
        found.prefixes.append(first)
        return
    if rest:
        phrases = found.phrases.setdefault(first, {}).setdefault(rest[0], [])
        if tuple(rest) in (words for words, _ in phrases):
            raise ValueError(f"{term!r} is there twice")
        phrases.append((tuple(rest), meaning))
        phrases.sort(key=lambda each: -len(each[0]))
        return
    words = found.stems if first.endswith("*") else found.terms
    word = first.removesuffix("*")
    if word in words:
        raise ValueError(f"{term!r} is there twice")
    words[word] = meaning


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = nan
    if not abs(weight) <= _GREATEST:
        raise ValueError(f"{text!r} is no weight from -4 to 4, and none of {', '.join(sorted(_KINDS))}")
    return weight
