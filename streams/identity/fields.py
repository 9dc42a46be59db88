"""A touchpoint's other fields without identifiers; how much is searched is bounded for each touchpoint.

What would take too long to read is replaced whole, so that nothing passes because it is dear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from schemas.avro.registry import kind_schemas
from schemas.limits import UNLIMITED
from streams.identity.finding import Finder, Span
from streams.identity.forms import IN_EVERY, NOTHING, SHORTEST, Stated
from streams.identity.written import characters, escapes, has_escapes, located, unescaped

KEPT = UNLIMITED
"""Fields in which nothing is replaced: what people write."""
SEARCHES_MAX = 1 << 19
"""Characters of these fields, as they are searched, times forms of what the touchpoint states.

Of more than so many all is replaced whole."""
FORMS_MIN = 3
"""So many forms are looked for in fields of any length."""
LOOKS_MAX = 1 << 15
"""The same of the texts in these fields, times the forms that stand in any of them."""
STATING_MAX = 256
"""Texts of a touchpoint, in which something that it states stands, that are replaced in part; a further one is replaced
whole."""
ESCAPES_MAX = 3_072
"""Escapes that are read of a touchpoint; a text that would take more is replaced whole."""
CHARACTERS_MAX = 1 << 18
"""Characters of a touchpoint's texts that are not in ASCII, which are read one by one; a further text is replaced
whole."""
PLUSES_MAX = 4_096
"""Plus signs of a touchpoint at which a number is looked for; a text that would take more is replaced whole."""
LOCATED_MAX = 8_192
"""Characters of texts with escapes, or of other scripts, that are replaced in part; a further one is replaced whole."""
SIGNS_MAX = 16
"""Signs of an address or a number that are read of a touchpoint; a text that has more of them is replaced whole."""

_APART = KEPT | {"customer_id", "identifiers"}
_ATTRIBUTES = "attributes"
_BETWEEN = "|"
"""Stands between texts that are searched together: no identifier and no escape goes over it."""


def hidden_fields(
    record: Mapping[str, Any], named: Mapping[str, str], stated: Stated, finder: Finder
) -> dict[str, Any]:
    """Return the fields in which identifiers stand, without them; none of most records.

    Args:
        record: as it was sent.
        named: by attribute, what stands for its value, whatever that is.
        stated: what the touchpoint states itself.
    """
    attributes = record[_ATTRIBUTES]
    texts = [value for name, value in record.items() if type(value) is str and name not in _APART]
    texts += attributes
    texts += attributes.values() if not named else [attributes[name] for name in attributes if name not in named]
    if "items" in record:
        texts += _texts_of_items(record["items"])
    written = _BETWEEN.join(texts)
    if written.isascii() and written.isprintable() and not has_escapes(written):
        text = written.lower()
        # Most records end here.
        if not (stated.stands_in(text, written) or finder.may_show(text)):
            return {}
        fields = _Fields(finder, stated, len(texts), written, text, None)
    else:
        read = _read(texts)
        text = _BETWEEN.join(form for form in read.values() if form is not None)
        fields = _Fields(finder, stated, len(texts), written, text, read)
    return fields.of(record, named) if fields.are_suspect else {}


def _texts_of_items(items: list[dict[str, Any]]) -> Iterator[str]:
    return (value for entry in items for value in entry.values() if type(value) is str)


def _read(texts: list[str]) -> dict[str, str | None]:
    """Return by text how it is searched, or None where that would take too long."""
    escapes_left, characters_left = ESCAPES_MAX, CHARACTERS_MAX
    read = dict[str, str | None]()
    for text in dict.fromkeys(texts):
        characters_left -= 0 if text.isascii() else len(text)
        if characters_left < 0 and not text.isascii():
            read[text] = None
            continue
        form = characters(text)  # of which one may be an escape that was none before
        count = escapes(form)
        escapes_left -= count
        read[text] = (unescaped(form) if escapes_left >= 0 else None) if count else form
    return read


class _Fields:
    """The fields of one touchpoint, and what may yet be read of them.

    Args:
        finder: finds identifiers.
        stated: what the touchpoint states.
        count: of the texts.
        written: all of them, as they were written.
        together: all of them, as they are searched.
        read: by text how it is searched, None where that is not known; None for all where small letters are enough.
    """

    def __init__(
        self,
        finder: Finder,
        stated: Stated,
        count: int,
        written: str,
        together: str,
        read: dict[str, str | None] | None,
    ) -> None:
        self._finder = finder
        self._read = read
        self._is_dear = (
            stated.forms * len(together) > max(SEARCHES_MAX, FORMS_MIN * len(written)) or IN_EVERY in stated.texts
        )
        self._stated = NOTHING if self._is_dear else stated.within(together, written)
        self._is_dear |= self._stated.forms * count > LOOKS_MAX
        self._signs, self._located, self._stating, self._pluses = SIGNS_MAX, LOCATED_MAX, STATING_MAX, PLUSES_MAX
        unread = read is not None and None in read.values()
        self.are_suspect = self._is_dear or self._stated.forms > 0 or unread or finder.may_show(together)

    def of(self, record: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, Any]:
        """Return the fields of a record that change."""
        hidden: dict[str, Any] = {}
        for name, value in record.items():
            if name in _APART:
                continue
            if name == _ATTRIBUTES:
                hidden[name] = {self._without(one): named.get(one) or self._without(of) for one, of in value.items()}
            elif isinstance(value, str):
                hidden[name] = value if value in _SYMBOLS.get(name, ()) else self._without(value)
            elif isinstance(value, list):
                hidden[name] = [self._entry(entry) for entry in value]
        return hidden

    def _entry(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._without(value) if type(value) is str else value for name, value in entry.items()}

    def _without(self, text: str) -> str:
        """Return a text with pseudonyms in the place of identifiers."""
        if not text:
            return text
        form = text.lower() if self._read is None else self._read[text]
        if form is None or (self._is_dear and len(form) >= SHORTEST):
            return self._finder.whole(text)
        self._pluses -= form.count("+")
        if self._pluses < 0 and "+" in form:
            return self._finder.whole(text)
        here = self._stated.within(form, text) if self._stated.forms else NOTHING
        # One more than may be read is too many, however many there are.
        signs = self._finder.signs(form, max(0, self._signs) + 1)
        if not (signs or here.forms):
            return text
        self._signs -= signs
        self._stating -= here.forms > 0
        spans = self._finder.spans(form, here, text) if min(self._signs, self._stating) >= 0 else None
        return text if spans == [] else self._replaced(text, form, spans)

    def _replaced(self, text: str, form: str, spans: list[Span] | None) -> str:
        """Return a text with pseudonyms in the place of spans, or of all where there are none."""
        if self._read is not None and not (text.isascii() and len(form) == len(text)):
            self._located -= len(text)
        if spans is None or self._located < 0:
            return self._finder.whole(text)
        place, parts, done = located(text), list[str](), 0
        for start, end, pseudonym in spans:
            begins, ends = place.span(start, end)
            parts += [text[done:begins], pseudonym]
            done = ends
        return "".join([*parts, text[done:]])


def _symbols() -> dict[str, frozenset[str]]:
    """Return by field the words of which its value is one, in some kind: these are the contract's, and nobody's."""
    found: dict[str, set[str]] = {}
    for field in chain.from_iterable(schema["fields"] for schema in kind_schemas().values()):
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        for kind in kinds:
            if isinstance(kind, dict) and kind["type"] == "enum":
                found.setdefault(field["name"], set()).update(kind["symbols"])
    return {name: frozenset(symbols) for name, symbols in found.items()}


_SYMBOLS = _symbols()
