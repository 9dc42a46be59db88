"""Who was erased stays away whichever key of pseudonyms they were known by, as long as a setting names it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.erasures import Erasure, digest_of
from schemas.kinds import KINDS
from streams.agents.identities import open_identities
from streams.agents.services import Producer, Services
from streams.agents.validation import Validated, Validator
from streams.identity.pseudonyms import Pseudonyms
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from streams.runtime.telemetry import Telemetry
from streams.sentiment import VaderScorer
from streams.settings import Settings
from tests.unit.schemas.records import T0, minimal
from tests.unit.streams.records import FakeRecord

KEY, EARLIER, FIRST = "the key that is in force now", "the key that was before it", "the key that was the first"
SALT = bytes(range(16))
EMAIL, COOKIE = {"email": "Ann@Example.com"}, {"cookie": "k-1"}
ALL_KEYS: Mapping[str, str] = {"pseudonym_key": KEY, "pseudonym_key_old": f"{EARLIER},{FIRST}"}
ERASED_AT = T0


def by(key: str, kind: str, value: str) -> str:
    """Return the stated key of whoever states one identifier, as a worker with a key has written it."""
    return f"anon:{kind}:{Pseudonyms(key.encode()).of(kind, value)}"


def validated(message: bytes, *erased: str, kind: str = "page_view", **chosen: str) -> Validated:
    """Return what becomes of a message where some stated keys were erased."""
    services = Services(
        Settings(**cast(Any, chosen)), cast(Producer, None), Telemetry.on(CollectorRegistry()), lambda: T0 + 1_000
    )
    if erased:
        services.erasures.add(Erasure("order", ERASED_AT, SALT, [digest_of(SALT, key) for key in erased], 4))
    validator = Validator(services, Codec(FileRegistry()), VaderScorer(), open_identities(services))
    tracker = OffsetTracker(KINDS[kind].topic, 0, 0, None, 1 << 20, 1 << 30)
    chunk: Chunk
    (chunk,) = tracker.track(Fetched([FakeRecord(0, message, None, T0, [])], 1, 1), 1 << 30)
    return validator.validate(chunk, {}, 0)


def stating(identifiers: Mapping[str, str], kind: str = "page_view", **more: Any) -> bytes:
    record = minimal(kind) | {"customer_id": None, "identifiers": identifiers, "occurred_at": ERASED_AT}
    return json.dumps(record | more).encode()


def fate(found: Validated) -> str:
    [name] = [name for name in ("accepted", "refused", "erased") if getattr(found, name)]
    return name


@pytest.mark.parametrize("key", [KEY, EARLIER, FIRST])
@pytest.mark.parametrize(
    ("stated", "known"),
    [
        (EMAIL, ("email", "ann@example.com")),
        (COOKIE, ("cookie", "k-1")),
        (EMAIL | COOKIE, ("email", "ann@example.com")),
    ],
)
def test_nothing_comes_back_of_who_was_erased_by_whichever_key(
    key: str, stated: Mapping[str, str], known: tuple[str, str]
) -> None:
    theirs = by(key, *known)
    assert fate(validated(stating(stated), theirs, **ALL_KEYS)) == "erased"
    assert fate(validated(stating(stated, occurred_at=ERASED_AT + 1), theirs, **ALL_KEYS)) == "accepted"
    assert fate(validated(stating({"cookie": "another's"}), theirs, **ALL_KEYS)) == "accepted"


@pytest.mark.parametrize("key", [KEY, EARLIER, FIRST])
@pytest.mark.parametrize("broken", [{"page": None}, {"event_id": ""}])
def test_nor_does_a_message_of_theirs_that_is_refused(key: str, broken: Mapping[str, Any]) -> None:
    message = stating(EMAIL, **broken)
    assert fate(validated(message, **ALL_KEYS)) == "refused"
    assert fate(validated(message, by(key, "email", "ann@example.com"), **ALL_KEYS)) == "erased"
    assert fate(validated(message, by(key, "email", "bob@example.com"), **ALL_KEYS)) == "refused"


def test_a_message_that_is_none_of_its_kind_tells_whose_it_is_with_a_key_too() -> None:
    message = b'{"identifiers": {"email": "ann@example.com"}}'
    assert fate(validated(message, "anon:email:ann@example.com")) == "erased"
    assert fate(validated(message, by(KEY, "email", "ann@example.com"), pseudonym_key=KEY)) == "erased"


def test_by_a_key_that_is_not_named_nobody_is_known() -> None:
    theirs = by(EARLIER, "email", "ann@example.com")
    assert fate(validated(stating(EMAIL), theirs, pseudonym_key=KEY)) == "accepted"


def test_a_pseudonym_of_somebody_who_was_erased_is_not_read_as_theirs_in_a_message() -> None:
    pseudonym = Pseudonyms(EARLIER.encode()).of("cookie", "k-1")
    assert fate(validated(stating({"cookie": pseudonym}), f"anon:cookie:{pseudonym}", **ALL_KEYS)) == "accepted"


def test_the_brands_answer_is_not_its_own_even_where_its_account_was_erased_by_an_earlier_key() -> None:
    answer = {"author": "brand", "in_reply_to": "17", "platform": "twitter"}
    said = stating({"twitter": "shop"}, "tweet", **answer)
    theirs = by(EARLIER, "twitter", "shop")
    assert fate(validated(said, theirs, kind="tweet", **ALL_KEYS)) == "accepted"
    post = stating({"twitter": "shop"}, "tweet")
    assert fate(validated(post, theirs, kind="tweet", **ALL_KEYS)) == "erased"
