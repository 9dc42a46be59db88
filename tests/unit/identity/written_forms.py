"""How URLs, webhooks, pages and people write addresses and numbers; and whether one can be read in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from html import unescape
from typing import Final
from urllib.parse import quote, unquote

Writer = Callable[[str], str]

LOCAL: Final = "zoe.q7x"
ADDRESS: Final = f"{LOCAL}@example.com"
MARK: Final = "q7x"
NUMBER: Final = "+44 20 7946 0958"
DIGITS: Final = "79460958"
"""One of the two stands in every address and number here, and in nothing else."""
_READINGS = 5
_ZEROS = re.compile(r"(&#[xX]?)0+(?=[0-9a-fA-F])")
"""`unescape` takes no more digits than `int` does."""
_JAVASCRIPT = re.compile(r"(?<!\\)\\++(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]+)\}|x([0-9a-fA-F]{2}))")


def _every_byte(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _digits_of(zero: int) -> Writer:
    return lambda text: text.translate({ord("0") + digit: zero + digit for digit in range(10)})


def _between(sign: str) -> Writer:
    return lambda text: text.replace(" ", sign)


def _twice(text: str) -> str:
    return quote(quote(text, safe=""), safe="")


ESCAPED: dict[str, Writer] = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "percent in small letters": lambda text: quote(text, safe="").lower(),
    "percent twice": _twice,
    "percent three times": lambda text: quote(_twice(text), safe=""),
    "every byte": _every_byte,
    "html": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "html in hexadecimal": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "html, padded": lambda text: "".join(f"&#{ord(char):05};" for char in text),
    "html, padded far": lambda text: "".join(f"&#{ord(char):012};" for char in text),
    "html in hexadecimal, padded far": lambda text: "".join(f"&#x{ord(char):012x};" for char in text),
    "html in html": lambda text: "".join(f"&amp;#{ord(char)};" for char in text),
    "html in a url": lambda text: quote("".join(f"&#{ord(char)};" for char in text), safe=""),
    "json": lambda text: "".join(f"\\u{ord(char):04X}" for char in text),
    "json in json": lambda text: "".join(f"\\\\u{ord(char):04x}" for char in text),
    "javascript": lambda text: "".join(f"\\x{ord(char):02x}" for char in text),
    "javascript by code point": lambda text: "".join(f"\\u{{{ord(char):x}}}" for char in text),
    "javascript by code point, padded far": lambda text: "".join(f"\\u{{{ord(char):012x}}}" for char in text),
    "full width": lambda text: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text),
    "full width in a url": lambda text: quote("".join(chr(ord(char) + 0xFEE0) for char in text if "!" <= char <= "~")),
    "with a blank of no width": "\u200b".join,
    "with a soft hyphen": lambda text: f"{text[:4]}\xad{text[4:]}",
}
"""Of either."""
ADDRESSES: dict[str, Writer] = ESCAPED | {
    "capitals": str.upper,
    "mailto": lambda text: f"mailto:{text}?subject=x",
    "with a name": lambda text: f'"Zoe" <{text}>',
    "in quotes": lambda text: f"'{text}'",
    "in a list": lambda text: f"bob@example.org,{text};amy@example.org",
    "in json": lambda text: f'{{"to":"{text}"}}',
    "in markdown": lambda text: f"[write](mailto:{text})",
    "at a sentence's end": lambda text: f"by {text}.",
    "html by name": lambda text: text.replace("@", "&commat;").replace(".", "&period;"),
    "the sign alone in html": lambda text: text.replace("@", "&#64;"),
    "a quoted local part": lambda _: f'"zoe {MARK}"@example.com',
    "a quoted local part in a url": lambda _: quote(f'"zoe\\"{MARK} x"@example.com', safe=""),
    "another script": lambda _: f"zoë.{MARK}@bücher.example",
    "another script in a url": lambda _: quote(f"zoë.{MARK}@bücher.example", safe=""),
    "punycode": lambda _: f"zoe.{MARK}@xn--bcher-kva.example",
    "a host of another script": lambda _: f"{MARK}@例え。テスト",
    "an address literal": lambda _: f"{MARK}@[192.0.2.1]",
    "a number behind the host": lambda text: f"{text}.123",
    "numbers as a host": lambda _: f"{MARK}@1.2.3.4.5",
    "with a tag": lambda _: f"{MARK}+shop@example.com",
    "an apostrophe": lambda _: f"o'{MARK}@example.com",
    "with blanks": lambda text: text.replace("@", " @ "),
    "the sender of a bounce": lambda _: f"bounce+{MARK}=example.com@list.example",
    "of a small sign": lambda text: text.replace("@", "\ufe6b"),
}
NUMBERS: dict[str, Writer] = ESCAPED | {
    "together": _between(""),
    "no-break spaces": _between("\xa0"),
    "figure spaces": _between("\u2007"),
    "thin spaces": _between("\u2009"),
    "hyphens": _between("-"),
    "hyphens that do not break": _between("\u2011"),
    "en dashes": _between("\u2013"),
    "em dashes": _between("\u2014"),
    "minus signs": _between("\u2212"),
    "dots": _between("."),
    "raised dots": _between("\xb7"),
    "slashes": _between("/"),
    "underscores": _between("_"),
    "dashes in a url": lambda text: quote(text.replace(" ", "\u2013"), safe=""),
    "plus signs": _between("+"),
    "plus signs behind an escaped one": lambda text: text.replace("+", "%2B").replace(" ", "%20"),
    "with a trunk prefix": lambda text: text.replace("44 ", "44 (0)"),
    "in brackets": lambda text: text.replace("+44", "(+44)"),
    "arabic digits": _digits_of(0x660),
    "persian digits": _digits_of(0x6F0),
    "devanagari digits": _digits_of(0x966),
    "digits of full width": _digits_of(0xFF10),
    "arabic digits in a url": lambda text: quote(_digits_of(0x660)(text), safe=""),
    "a raised plus": lambda text: text.replace("+", "\u207a"),
    "html by name": lambda text: text.replace("+", "&plus;"),
    "behind a letter": lambda text: f"x{text}",
    "behind an underscore": lambda text: f"sms_{text}",
    "behind a digit": lambda text: f"call1{text}",
    "behind a word, in a url": lambda text: f"wa_{quote(text, safe='')}",
    "a scheme in a url": lambda text: quote(f"tel:{text.replace(' ', '-')}", safe=""),
    "whatsapp": lambda text: f"whatsapp://send?phone={quote(text.replace(' ', ''))}&text=hi",
    "twice": lambda text: f"{text}/{text}",
    "with an extension": lambda text: f"{text};ext=12",
}
STATED_NUMBERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "phone": (NUMBER, ("020 7946 0958", "(020) 7946-0958", "02079460958", "0044.20.7946.0958", "44 2079 460958")),
    "loyalty_card": ("6012 7946 0958", ("6012-7946-0958", "6012.7946.0958", "601279460958", "60 12 79 46 09 58")),
}
"""By kind an identifier that is found where it is stated, and other ways to write it."""
BETWEEN: Final = ("/", " ", " - ", ", ", "&b=", "+")
"""What may stand between two of them."""
PLACED: dict[str, Writer] = {
    "alone": str,
    "in a path": lambda text: f"/call/{text}/now",
    "in a query": lambda text: f"/x?to={text}&n=1",
    "in a sentence": lambda text: f"to {text} again",
}


def reading(text: str) -> str:
    """Return what a person could read in a text, by the standard library's rules alone."""
    for _ in range(_READINGS):
        text = unescape(_ZEROS.sub(r"\1", unquote(_JAVASCRIPT.sub(_character, text))))
    visible = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    return visible.casefold()


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1] or found[2] or found[3], 16))


def shows(text: str) -> bool:
    """Return whether an address or a number of those above can be read in a text."""
    read = reading(text)
    digits = "".join(str(unicodedata.decimal(char)) for char in read if char.isdecimal())
    return MARK in read or DIGITS in digits
