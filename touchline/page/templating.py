"""The templates: one environment a language, escaping on, with what they may call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from schemas.text import printable_lines
from touchline.page.language import Language
from touchline.page.wording import word_for

FOLDER = Path(__file__).with_name("templates")


def environment_for(language: Language) -> Environment:
    """Return the templates in a language."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(language.texts, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    made.filters["outside"] = outside
    made.filters["word"] = lambda name: language.texts.gettext(known) if (known := word_for(name)) else outside(name)
    made.globals["text_of"] = lambda text, values: language.texts.gettext(text) % dict(values)
    return made


def outside(text: str) -> str:
    """Return a text from outside as one that cannot turn the direction of what stands around it, or hide in it.

    Marks of direction and invisible ones are shown escaped, as the commands show them; lines stay lines.
    """
    return printable_lines(text)


def address(path: str, words: Mapping[str, str], **changes: str) -> str:
    """Return an address: a path, and words with some of them changed; an empty word is left out."""
    said = {name: word for name, word in {**words, **changes}.items() if word}
    return f"/{path}?{urlencode(said)}" if said else f"/{path}"
