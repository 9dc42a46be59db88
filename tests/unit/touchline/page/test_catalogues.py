"""The catalogues: every text of the page is in each of them, with the same values in it."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from tests.unit.touchline.page.door import page_over
from tests.unit.touchline.page.test_access import Untouched
from touchline.page.language import CATALOGUES, Formats, read_languages

PAGE = CATALOGUES.parent
VALUE = re.compile(r"%\(\w+\)s")
ENVIRONMENT = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
"""As `touchline.page.templating` reads the templates."""


def texts_of(file: Path) -> set[str]:
    """Return the texts of a file that are for the catalogues, found by Babel."""
    method, keywords, options = ("jinja2.ext:babel_extract", ["_", "gettext"], ENVIRONMENT)
    if file.suffix == ".py":
        method, keywords, options = ("python", ["N_", "AskedError"], {})
    found: list[Any] = extract_from_file(method, str(file), keywords=dict.fromkeys(keywords), options=options)
    return {text for _, text, *_ in found}


ALL = set().union(*(texts_of(file) for file in [*PAGE.rglob("*.py"), *PAGE.rglob("*.html")]))


@pytest.mark.parametrize("code", ["ur", "te"])
def test_each_catalogue_has_every_text_with_its_values_and_no_other(code: str) -> None:
    with (CATALOGUES / f"{code}.po").open("rb") as file:
        catalogue = {str(one.id): str(one.string) for one in read_po(file, locale=code) if one.id}

    assert set(catalogue) == ALL
    assert [text for text, said in catalogue.items() if not said.strip()] == []
    assert [
        text for text, said in catalogue.items() if sorted(VALUE.findall(text)) != sorted(VALUE.findall(said))
    ] == []


def test_every_language_has_a_catalogue_and_its_direction() -> None:
    assert {code: (one.name, one.direction) for code, one in read_languages().items()} == {
        "en": ("English", "ltr"),
        "te": ("తెలుగు", "ltr"),
        "ur": ("اردو", "rtl"),
    }


def test_a_sign_stays_before_its_number_beside_words_from_right_to_left() -> None:
    languages = read_languages()
    english, urdu = (Formats(languages[code], ZoneInfo("UTC")) for code in ("en", "ur"))

    assert english.score(-0.39) == "-0.39"
    # Set apart from left to right; Urdu's own minus has a mark before it.
    assert urdu.score(-0.39).replace("\u200e", "") == "\u2066-0.39\u2069"
    assert urdu.day(date(2024, 5, 1)).startswith("\u2067")


@pytest.mark.parametrize(("header", "lang"), [("ur-PK,ur;q=0.9", ""), ("en", "?lang=ur")])
def test_the_page_is_in_the_readers_language(header: str, lang: str) -> None:
    with page_over(Untouched()) as browser:
        html = browser.get(f"/login{lang}", headers={"accept-language": header}).text

    assert '<html lang="ur" dir="rtl"' in html
    assert "لاگ ان" in html
