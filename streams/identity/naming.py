"""Whether bytes that nobody can read name somebody who is erased, or only hold a word that is theirs, too.

Anybody may have linked a word to them that others' messages hold: a currency, the name of a field, a date. So a text
counts for certain where it is nobody else's by what it is, or where it stands in the place of an id or identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from json import dumps

from schemas.identifiers import ANONYMOUS
from schemas.identity_links import CUSTOMER, identity_of
from streams.identity.identities import written_kind

LONG = 6
"""A text of so many characters that stands in a message is not there by chance."""
PHONE_DIGITS = 9
"""So many last digits of a telephone number are its own, however it is written."""
OWN_DIGITS = 14
"""A text with so many digits is a card's number, or was made at random; of a time they name a second."""
_NO_DIGIT = re.compile(rb"[^0-9]")
_NULLABLE = b"\x02"
"""What stands before a text of Avro that may be null, as a customer's id may."""
_BETWEEN = rb"""\\*["']?\s*[:=>]\s*(?:\{\s*\\*["']?string\\*["']?\s*:\s*)?\\*["']?"""
"""What stands between a name and its value: in JSON, also within a text of JSON, in XML, and in a form."""
_END = rb"(?![\w.+-])"


def texts_of(customer_key: str) -> Sequence[str]:
    """Return what a message holds that names somebody: a customer's id, or an identifier, also as JSON escapes it."""
    kind, value = identity_of(customer_key)
    if kind == "phone":
        return [value[-PHONE_DIGITS:]]
    return list(dict.fromkeys((value, dumps(value)[1:-1])))


def may_name(raw: bytes, customer_key: str) -> bool:
    """Return whether bytes hold somebody's id or identifier: a long one anywhere, a short one as a text of its own."""
    kind, _ = identity_of(customer_key)
    if kind == "phone":
        return any(text.encode() in _NO_DIGIT.sub(b"", raw) for text in texts_of(customer_key))
    lowered = raw.lower()
    for needle in _needles(customer_key):
        # In JSON a text stands in quotes, in Avro behind its length.
        own = (b'"' + needle + b'"', b"'" + needle + b"'", _of_avro(needle))
        if needle in lowered if len(needle) >= LONG else any(one in lowered for one in own):
            return True
    return names(raw, customer_key)


def names(raw: bytes, customer_key: str) -> bool:
    """Return whether bytes hold somebody's id or identifier for certain, and not a word that others use, too.

    A telephone number, an e-mail address and what has `OWN_DIGITS` count wherever they stand, anything else as the
    value of its field, or where it is all that there is.
    """
    kind, value = identity_of(customer_key)
    if kind == "phone":
        return may_name(raw, customer_key)
    lowered = raw.lower()
    is_own = kind == "email" or sum(map(str.isdigit, value)) >= OWN_DIGITS
    return any(is_own or _is_placed(lowered, kind, needle) for needle in _needles(customer_key) if needle in lowered)


def _is_placed(lowered: bytes, kind: str, needle: bytes) -> bool:
    """Return whether a text stands where it is a customer's id, or an identifier of a kind; all in small letters."""
    if needle == lowered:
        return True
    if kind == CUSTOMER:
        name, avro = rb"customer_?id", _NULLABLE + _of_avro(needle)
        told = b"of '" + needle + b"'"  # in a detail
    else:
        written = written_kind(kind)
        field = written.lower().encode("utf-8", "surrogatepass")
        # Of a subject the kind is the beginning of its field's name: case_id. An identifier's kind that is called so is
        # none, nor is `customer`: what stands in that field is another's.
        end = rb"(?:_?id)?" if written == kind else b""
        name, avro = re.escape(field) + end, _of_avro(field) + _of_avro(needle)
        told = f"{ANONYMOUS}{kind}:".encode("utf-8", "surrogatepass").lower() + needle
    placed = re.compile(name + _BETWEEN + re.escape(needle) + _END)
    return avro in lowered or told in lowered or placed.search(lowered) is not None


def _needles(customer_key: str) -> Iterator[bytes]:
    return (text.lower().encode("utf-8", "surrogatepass") for text in texts_of(customer_key))


def _of_avro(text: bytes) -> bytes:
    """Return a text as Avro writes it, behind its length; in small letters, as what is searched is."""
    size, length = 2 * len(text), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return (length + bytes([size])).lower() + text
