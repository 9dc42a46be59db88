"""Takes a request's body apart: one JSON object, an array of them, or one a line; plain, or gzip of it. Pure."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Sequence
from http import HTTPStatus
from itertools import islice
from typing import TypeVar

import msgspec

from schemas.avro.envelopes import BYTE_ORDER_MARK
from schemas.avro.json_bounds import excess
from touchline.collect.errors import RequestError

JSON = "application/json"
JSON_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
MEMBERS_MAX = 64
"""Parts that a gzip may be made of: to go on to each, the rest is copied."""
GZIP_RATIO = 1_032
"""Bytes that one byte of deflate may become, at most (https://zlib.net/zlib_tech.html)."""
LINES_MAX = 100_000
"""Lines of a body, blank ones too."""
LENIENT_VALUES = 200_000
"""Only a body of so few values is read by Python's own reader: 8 MiB of lists in lists would take it two seconds."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_array = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder(msgspec.Raw)

T = TypeVar("T")


def check_media_type(content_type: str) -> bool:
    """Return whether a body of this media type has one touchpoint a line.

    Browsers send other types than these to any address without asking it first; so they are not taken.

    Raises:
        RequestError: touchpoints are not taken in it.
    """
    media, _, _ = content_type.partition(";")
    media = media.strip().lower()
    if media == JSON or media in JSON_LINES:
        return media != JSON
    said = f"Content-Type is {media[:80]}" if media else "there is no Content-Type"
    raise RequestError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"{said}; send {JSON} (an object, or an array of objects) or {JSON_LINES[0]} (an object a line)",
    )


def check_encoding(encoding: str) -> bool:
    """Return whether a body with this Content-Encoding is gzip.

    Raises:
        RequestError: it is something else than that, or nothing.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return False
    if encoding in ("gzip", "x-gzip"):
        return True
    raise RequestError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Encoding is {encoding[:80]}; send gzip, or leave it out"
    )


def unpacked(body: bytes, most: int, inflated: Callable[[int], None]) -> bytes:
    """Return what gzip holds, `most` bytes of it at most.

    Args:
        body: as it was sent.
        most: bytes that it may hold.
        inflated: is told how many bytes were inflated, part by part, also where an error follows.

    Raises:
        RequestError: it holds more, has too many parts, is damaged, or is cut short.
    """
    parts: list[bytes] = []
    room = most
    for _ in range(MEMBERS_MAX):
        if not body:
            return b"".join(parts)
        inflate = zlib.decompressobj(_GZIP_WINDOW)
        try:
            part = inflate.decompress(body, room + 1)
        except zlib.error as error:
            inflated(min(room, GZIP_RATIO * len(body)))  # what came before the damage is lost
            raise RequestError(HTTPStatus.BAD_REQUEST, f"the body is no gzip, or damaged: {error}") from error
        inflated(len(part))
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise too_large(most)
        if not inflate.eof:
            raise RequestError(HTTPStatus.BAD_REQUEST, "the gzip of the body is cut short")
        body = inflate.unused_data
    if body:
        detail = f"the gzip of the body has more than {MEMBERS_MAX} parts; compress it as one"
        raise RequestError(HTTPStatus.BAD_REQUEST, detail)
    return b"".join(parts)


def too_large(most: int) -> RequestError:
    """Return the error of a body that is larger than `most` bytes."""
    return RequestError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body takes more than {most:,} bytes (TOUCHLINE_COLLECT_MAX_BODY_BYTES); send fewer touchpoints at once",
    )


def split(body: bytes, most: int, *, lines: bool) -> Sequence[bytes]:
    """Return the touchpoints of a body, each as JSON that has yet to be read.

    Args:
        body: plain, in UTF-8, with or without a byte order mark.
        most: touchpoints that it may hold.
        lines: whether it has one a line. Blank lines are passed over.

    Raises:
        RequestError: it is not JSON, or neither an object nor an array, or holds too many.
    """
    body = body.removeprefix(BYTE_ORDER_MARK)
    if (found := excess(body, values=len(body))) is not None:  # how many values is asked of each touchpoint
        raise RequestError(HTTPStatus.BAD_REQUEST, f"the body holds {found}")
    if lines:
        if body.count(b"\n") > LINES_MAX:
            detail = f"the body has more than {LINES_MAX:,} lines; leave blank ones out"
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        texts = [*islice((line for line in map(bytes.strip, io.BytesIO(body)) if line), most + 1)]
        return _bounded(texts, most)
    begin = body.lstrip()[:1]
    if begin not in (b"{", b"["):
        found = "is empty" if not begin else "is neither a JSON object nor an array"
        raise RequestError(HTTPStatus.BAD_REQUEST, f"the body {found}; send one touchpoint, or an array of them")
    try:
        if begin == b"{":
            _value.decode(body)
            return [body]
        return [bytes(item) for item in _bounded(_array.decode(body), most)]
    except (msgspec.DecodeError, RecursionError) as error:
        return _split_leniently(body, most, error)


def _bounded(items: list[T], most: int) -> list[T]:
    if len(items) > most:
        raise RequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body holds more than {most:,} touchpoints (TOUCHLINE_COLLECT_MAX_TOUCHPOINTS); nothing of it was "
            "accepted",
        )
    return items


def _split_leniently(body: bytes, most: int, cause: Exception) -> Sequence[bytes]:
    """Return the touchpoints of a body in which one alone may be what is no JSON: half a character, or NaN.

    Python's own reader takes these; what is written of them again is then the refusal of that touchpoint.
    """
    try:
        if sum(map(body.count, (b",", b"[", b"{"))) > LENIENT_VALUES:
            raise cause
        found = json.loads(body)
    except (ValueError, RecursionError):
        detail = f"the body is not JSON: {cause}; nothing of it was accepted"
        raise RequestError(HTTPStatus.BAD_REQUEST, detail) from cause
    return [json.dumps(item).encode() for item in _bounded(found if isinstance(found, list) else [found], most)]
