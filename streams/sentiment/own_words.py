"""What of a message its writer wrote: without quotations, forwarded mail, signatures, retweets and mark-up.

A reply often carries the company's own words ("we are happy to help"), and a retweet somebody else's: what is
quoted says nothing of how the customer feels. Each step goes through the text a bounded number of times.
"""

from __future__ import annotations

import re
from typing import Final

_JOINER: Final = "\N{ZERO WIDTH JOINER}"

# Characters that typography or a text's direction puts in, as the rules read them.
_PLAIN: Final = str.maketrans(
    {
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{MODIFIER LETTER APOSTROPHE}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
        "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
        "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
        "\N{HORIZONTAL ELLIPSIS}": " ",
        "\N{EM DASH}": " ",
        "\N{EN DASH}": " ",
        "\N{NO-BREAK SPACE}": " ",
        _JOINER: " ",  # joins emoji
        "\N{SOFT HYPHEN}": "",
        "\N{COMBINING GRAPHEME JOINER}": "",
        "\N{ARABIC LETTER MARK}": "",
        "\N{MONGOLIAN VOWEL SEPARATOR}": "",
        "\N{ZERO WIDTH NO-BREAK SPACE}": "",
        # Variation selectors: the last one says that the sign before it is an emoji.
        **{chr(code): "" for code in range(0xFE00, 0xFE10)},
        # Zero-width space and non-joiner, and marks, embeddings and isolates of direction; invisible operators.
        **{chr(code): "" for code in (0x200B, 0x200C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070))},
        # Tags, with which invisible text can be written.
        **{chr(code): "" for code in range(0xE0000, 0xE0080)},
    }
)

# Behind the sign of a missing vowel (virama) of an Indic script it says how the letters of one word are drawn.
_JOINER_IN_WORD = re.compile(f"(?<=[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca]){_JOINER}")

_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&nbsp;", " "), ("&#39;", "'"))
# A tag has a letter, a slash or an exclamation mark after the bracket: "<3" has none. What it holds has no bracket, so
# that no text is gone through twice.
_TAG = re.compile(r"<[a-zA-Z/!][^<>]*>")
_LINE_TAG = re.compile(r"</?(?:br|p|div|tr|li|h[1-6]|ul|ol|table|hr)\b[^<>]*>", re.IGNORECASE)
# Elements of which nothing is the writer's.
_OTHERS_ELEMENTS: Final = ("blockquote", "style", "script", "head")

# "RT @shop: ..." from the start, or anywhere with the colon: all that follows is of another.
_RETWEET = re.compile(r"(?:^|\s)[RM]T @\w{1,50}:|^[RM]T @\w", re.IGNORECASE)
# "@shop: ..." in quotation marks: up to the closing mark, else to the end.
_QUOTED_POST = re.compile(r"(?<![^\s(])\"@\w{1,50}:[^\"]*+\"?")

# The lines above a quoted mail: how they begin and end, by the language of the mail program.
_ATTRIBUTIONS: Final = (
    ("On ", "wrote:"),
    ("Am ", "schrieb"),
    ("Le ", "a écrit"),
    ("El ", "escribió:"),
    ("Il ", "ha scritto:"),
    ("Em ", "escreveu:"),
    ("Op ", "schreef"),
)
_LONGEST_ATTRIBUTION: Final = 250
"""Characters between the beginning of an attribution and its end."""
# Lines below which all is another mail.
_MAIL_BELOW = re.compile(
    r"^[ \t]{0,8}(?:-{2,20} ?(?:original|forwarded) message ?-{2,20}|begin forwarded message:|_{20,80}[ \t]{0,8}$"
    r"|\*?from:\*? [^\n]{1,200}\n(?:[^\n]{0,200}\n)?\*?(?:sent|to|date|subject):)",
    re.IGNORECASE | re.MULTILINE,
)
# A quoted line; ">:(" is a face, and "> 2 hours" a number of hours.
_QUOTED_LINE = re.compile(r"[ \t]{0,8}>(?:[ \t]++(?!\d)|[>\"'@#\r]|[^\W\d_]|$)")
_SENT_FROM: Final = ("sent from my ", "sent from mail ", "sent from yahoo", "get outlook for ", "sent via ")
_CLOSINGS: Final = frozenset(
    {
        "regards",
        "kind regards",
        "kindest regards",
        "best regards",
        "warm regards",
        "with kind regards",
        "best",
        "best wishes",
        "all the best",
        "sincerely",
        "sincerely yours",
        "yours sincerely",
        "yours faithfully",
        "yours truly",
        "respectfully",
        "kr",
        "br",
    }
)
# Thanks above a name close a mail, too, and thank for nothing in particular.
_THANKS: Final = frozenset({"thanks", "many thanks", "thank you", "thanks in advance", "cheers", "thx"})
_LINES_OF_A_NAME: Final = 6
"""Lines that may stand below a closing: name, role, company, telephone, address, site."""


def own_words(text: str) -> str:
    """Return what its writer wrote of a message, with plain quotation marks and without invisible characters."""
    if not text.isascii():
        text = _in_plain_signs(text)
    if "&" in text:
        for entity, char in _ENTITIES:
            text = text.replace(entity, char)
    if "<" in text:
        text = _without_mark_up(text)
    if "T @" in text or "t @" in text:
        retweet = _RETWEET.search(text)
        if retweet:
            text = text[: retweet.start()]
    if '"' in text and "@" in text:
        text = _QUOTED_POST.sub(" ", text)
    for begins, ends in _ATTRIBUTIONS:
        if ends in text:
            text = _without_attributed(text, begins, ends)
    return _own_lines(text) if "\n" in text or text.startswith(">") else text


def _in_plain_signs(text: str) -> str:
    if _JOINER in text:
        text = _JOINER_IN_WORD.sub("", text)
    return text.translate(_PLAIN)


def _without_mark_up(text: str) -> str:
    lower = text.lower()
    if len(lower) == len(text):  # else places in one are not those in the other
        for element in _OTHERS_ELEMENTS:
            if f"<{element}" in lower:
                text = _without_element(text, lower, element)
                lower = text.lower()
    return _TAG.sub(" ", _LINE_TAG.sub("\n", text))


def _without_element(text: str, lower: str, element: str) -> str:
    """Return the text without what lies between the tags of an element, nested ones to the last closing tag."""
    begin = lower.find(f"<{element}")
    end = lower.rfind(f"</{element}")
    return text[:begin] + "\n" + (text[end:] if end > begin else "")


def _without_attributed(text: str, begins: str, ends: str) -> str:
    """Return the text without "On Monday, Shop wrote:" and, unless quoted lines follow, without what comes after."""
    end = text.find(ends)
    first = max(0, end - _LONGEST_ATTRIBUTION)
    begin = text.rfind(begins, first, end)
    # A date tells it from "On Facebook somebody wrote: ...".
    while begin >= 0 and not any(char.isdigit() for char in text[begin:end]):
        begin = text.rfind(begins, first, begin)
    if begin < 0:
        return text
    below = text[end:].partition("\n")[2].lstrip("\r\n")
    return text[:begin] + ("\n" + below if _QUOTED_LINE.match(below) else "")


def _own_lines(text: str) -> str:
    below = _MAIL_BELOW.search(text)
    if below:
        text = text[: below.start()]
    lines = [line for line in text.split("\n") if not _QUOTED_LINE.match(line)]
    kept: list[str] = []
    for line in lines[: _closing(lines)]:
        if line.rstrip("\r ") == "--":
            break
        if not line.lstrip().lower().startswith(_SENT_FROM):
            kept.append(line)
    return "\n".join(kept)


def _closing(lines: list[str]) -> int:
    """Return the place of the line that closes a mail, or how many lines there are where none does."""
    filled = [place for place, line in enumerate(lines) if line.strip()]
    first = max(1, len(filled) - _LINES_OF_A_NAME - 1)  # above a closing something is said
    for index, place in enumerate(filled[first:], first):
        if _closes(lines[place], [lines[below] for below in filled[index + 1 :]]):
            return place
    return len(lines)


def _closes(line: str, below: list[str]) -> bool:
    """Tell whether a line closes a mail: at most a name and an address stand below it."""
    words = line.strip(" \t\r,.!").lower()
    if words in _THANKS:
        return 0 < len(below) <= 2 and all(len(each.split()) <= 3 for each in below)
    return words in _CLOSINGS
