"""E-mail addresses: without display name, comments and `mailto:`, in small letters, their domain in one form.

The syntax is that of RFC 5322, read leniently; `mailto:` is that of RFC 6068.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

import idna

from streams.identity.text import cleaned, folded

CACHED = 4_096
"""Addresses that are not plain, of which the form is kept."""
_CACHED_CHARACTERS = 128
_WRAPPINGS = 4
"""So many times an address may be wrapped: `Ann <mailto:ann@example.com>` is wrapped twice."""
_LONGEST_DOMAIN, _LONGEST_LABEL = 253, 63
"""Characters (RFC 1035)."""

_is_plain = re.compile(r"[a-z0-9_+.-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}").fullmatch
_SCHEME = re.compile(r"(mailto|smtp|e-?mail)\s*:\s*(?://)?", re.IGNORECASE)
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[^"()<>\\]+|.')
_AROUND = " ,;"
_ROUTE = re.compile(r"@[^:@]*(?:,@[^:@]*)*:")
_SPECIAL = re.compile(r'[\s"(),:;<>@\[\]\\]')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)" *@(.*)')
_ESCAPED = re.compile(r"\\(.)")
_LITERAL = re.compile(r"\[[^\s\[\]\\]+\]")


def email(value: str) -> str | None:
    """Return an address in the form in which addresses are compared; None of what is none.

    A value without @ is kept, in small letters: a business may send hashes in place of addresses.

    Args:
        value: clean.
    """
    plain = plain_email(value)
    if plain is not None:
        return plain
    return _cached(value) if len(value) <= _CACHED_CHARACTERS else _parsed(value)


def plain_email(value: str) -> str | None:
    """Return the form of an address that is written plainly, as most are; None of all others.

    No such address is a placeholder: it has an @ between letters.
    """
    lowered = value.lower()
    return lowered if _is_plain(lowered) and "xn--" not in lowered else None


def _parsed(value: str) -> str | None:
    address = _unwrapped(value)
    if not address:
        return None
    if route := _ROUTE.match(address):
        address = address[route.end() :]
    if "@" not in address:
        return None if _SPECIAL.search(address) else folded(address)
    if quoted := _QUOTED.fullmatch(address):
        local, domain = _unquoted(quoted[1]), quoted[2]
    elif address.count("@") > 1:
        return None  # as what is found below, which takes long where there are many
    else:
        local, _, domain = _without_blanks(address, "@").rpartition("@")
        local = "" if _SPECIAL.search(local) else folded(local)
    host = _host(domain)
    return f"{local}@{host}" if local and host else None


_cached = lru_cache(CACHED)(_parsed)


def _unwrapped(value: str) -> str | None:
    """Return what is left of a value without schemes, display name, comments and angle brackets."""
    for _ in range(_WRAPPINGS):
        before = value
        value = value.strip(_AROUND)
        if scheme := _SCHEME.match(value):
            value = value[scheme.end() :]
            if scheme[1].lower() == "mailto":
                value = cleaned(unquote(value.partition("?")[0]))
        mailbox = _mailbox(value)
        if mailbox is None or mailbox == before:
            return mailbox
        value = mailbox
    return None


def _mailbox(value: str) -> str | None:
    """Return what stands in angle brackets, or else all, without comments; None where they do not match."""
    outside: list[str] = []
    inside: list[str] | None = None
    part, depth = outside, 0
    for piece in _PIECES.findall(value):
        if piece == ")":
            depth -= 1
            if depth < 0:
                return None
        elif piece == "(" or depth:
            depth += piece == "("
        elif piece == "<":
            if inside is not None:
                return None  # several addresses
            part = inside = []
        elif piece == ">":
            part = outside
        else:
            part.append(piece)
    if depth:
        return None
    found = "".join(inside or "")
    return (found if "@" in found else "".join(outside)).strip(_AROUND)


def _unquoted(inner: str) -> str:
    """Return a quoted local part in its shortest form: in quotes only where it needs them."""
    local = folded(_ESCAPED.sub(r"\1", inner))
    if not _SPECIAL.search(local):
        return local
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _without_blanks(address: str, separator: str) -> str:
    """Return an address without blanks around a separator and around its dots."""
    parts = (part.strip() for part in address.split(separator))
    if separator == ".":
        return ".".join(parts)
    return separator.join(_without_blanks(part, ".") for part in parts)


def _host(domain: str) -> str:
    """Return a domain in Unicode, mapped as browsers do (UTS 46), or an address literal; empty where it is neither."""
    domain = _without_blanks(domain, ".").strip(".")
    if _LITERAL.fullmatch(domain):
        return folded(domain)
    if not domain or len(domain) > _LONGEST_DOMAIN or _SPECIAL.search(domain):
        return ""
    try:
        mapped = idna.uts46_remap(domain, std3_rules=False, transitional=False)
    except idna.IDNAError:
        mapped = folded(domain)  # what has no place in a domain identifies all the same
    return ".".join(map(_label, mapped.strip(".").split(".")))


def _label(label: str) -> str:
    """Return a label of a domain in Unicode, where it has such a form that leads back to it."""
    if not label.startswith("xn--") or len(label) > _LONGEST_LABEL:
        return label
    try:
        found = label[4:].encode("ascii").decode("punycode")
        same = idna.uts46_remap(found, std3_rules=False, transitional=False) == cleaned(found) == found
    except (UnicodeError, IndexError):  # an IDNAError is a UnicodeError
        return label
    leads_back = same and not found.isascii() and not _SPECIAL.search(found) and "." not in found
    return found if leads_back and found.encode("punycode") == label[4:].encode() else label
