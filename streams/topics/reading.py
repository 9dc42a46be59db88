"""How topics read a text: its words, and the n-grams that a model looks at."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from itertools import pairwise

LONGEST_TEXT = 10_000
"""Characters of a text that are read, as the scorer of sentiment does."""
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'"})


def words_of(text: str) -> list[str]:
    """Return the words of a text in order, in lower case, without links, addresses and names of accounts."""
    text = text[:LONGEST_TEXT].lower()
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = text.translate(_APOSTROPHES)
    if "@" in text or "://" in text or "www." in text:
        text = " ".join([token for token in text.split() if not ("@" in token or "://" in token or "www." in token)])
    return _WORD.findall(text)


def ngrams(runs: Iterable[list[str]]) -> set[str]:
    """Return the different words and pairs of neighbours in runs of words."""
    found: set[str] = set()
    for run in runs:
        found.update(run)
        found.update(map(" ".join, pairwise(run)))
    return found
