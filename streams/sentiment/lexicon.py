"""What words weigh: VADER's lexicon and rule constants, and beside them the terms of service.

The only module that touches the vaderSentiment package (MIT; Hutto & Gilbert, ICWSM 2014): its
files and constants are read from the installed distribution, so its version is part of the
scorer's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from vaderSentiment.vaderSentiment import BOOSTER_DICT, C_INCR, N_SCALAR, NEGATE, SPECIAL_CASES

VADER_VERSION: Final[str] = version("vaderSentiment")

# What capitals add to a word, in units of the lexicon (-4 .. 4), and the factor of a negation.
CAPS_INCREASE: Final[float] = C_INCR
NEGATION: Final[float] = N_SCALAR
NEGATIONS: Final[frozenset[str]] = frozenset(NEGATE)
BOOSTERS: Final[dict[str, float]] = BOOSTER_DICT
IDIOMS: Final[dict[str, float]] = SPECIAL_CASES


@dataclass(frozen=True)
class ServiceTerms:
    """What customers say to companies, where VADER is silent or mistaken.

    Attributes:
        version: of the list, as its first line says.
        words: lower-case word or emoji -> weight; 0 takes a word out of the lexicon.
        phrases: words of a phrase -> weight; a phrase counts as one word, 0 as one without weight.
    """

    version: str
    words: dict[str, float]
    phrases: dict[tuple[str, ...], float]


def vader_words() -> dict[str, float]:
    """Return VADER's lexicon: lower-case word or emoticon -> weight in [-4, 4]."""
    words = {}
    for line in lines_of("vaderSentiment", "vader_lexicon.txt"):
        word, weight = line.strip().split("\t")[:2]
        words[word] = float(weight)
    return words


def vader_emoji() -> dict[str, str]:
    """Return VADER's emoji of one character, each with its description in words."""
    pairs = (line.strip().split("\t")[:2] for line in lines_of("vaderSentiment", "emoji_utf8_lexicon.txt"))
    return {emoji: description for emoji, description in pairs if len(emoji) == 1}


def service_terms() -> ServiceTerms:
    """Read `service_terms.tsv`: a line `# version: N`, then term, weight and reason, tab-separated.

    Raises:
        ValueError: a line does not hold; its number and what is wrong are named.
    """
    return parse_terms(lines_of("streams.sentiment", "service_terms.tsv"))


def parse_terms(lines: list[str]) -> ServiceTerms:
    """Read the lines of a list of terms (see `service_terms`)."""
    if not lines or not lines[0].startswith("# version: "):
        raise ValueError("service terms, line 1: must be '# version: N'")
    terms = ServiceTerms(lines[0].removeprefix("# version: ").strip(), {}, {})
    for number, line in enumerate(lines[1:], 2):
        if not line.startswith("#"):
            try:
                _add_term(terms, line)
            except ValueError as error:
                raise ValueError(f"service terms, line {number}: {error}") from None
    return terms


def _add_term(terms: ServiceTerms, line: str) -> None:
    parts = line.split("\t")
    if len(parts) != 3 or not parts[2].strip():
        raise ValueError("must be term, weight and reason, tab-separated")
    term, weight = parts[0], _number(parts[1])
    words = tuple(term.split())
    if term in terms.words or words in terms.phrases:
        raise ValueError(f"{term!r} is there twice")
    if len(words) == 1:
        terms.words[term] = weight
    else:
        terms.phrases[words] = weight


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"weight {text!r} is no number") from None


def lines_of(package: str, name: str) -> list[str]:
    """Return the lines of a file that comes with a package, empty ones aside."""
    text = files(package).joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.split("\n") if line]
