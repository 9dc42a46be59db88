"""Of a dead letter is shown what can be read of it, as the workers read it."""

from __future__ import annotations

import json

from schemas.dead_letters import DeadLetter
from streams.settings import Settings
from tests.unit.schemas.records import minimal
from touchline.commands.dlq import _Decoder


def letter(value: bytes, *headers: tuple[str, bytes | None]) -> DeadLetter:
    return DeadLetter(
        reason="no_identity",
        detail="",
        stage="ingest",
        topic="touchpoints.page_views.v1",
        partition=0,
        offset=0,
        at="2026-09-21T14:13:20.000Z",
        key=None,
        value=value,
        headers=headers,
    )


def test_json_and_cloud_events_in_binary_mode_are_shown() -> None:
    decode = _Decoder(Settings())
    shown = decode(letter(json.dumps(minimal("page_view")).encode()))
    assert shown is not None
    assert (shown["kind"], shown["event_id"]) == ("page_view", "e-1")

    bare = b'{"page": "/"}'
    headers = [("ce_id", b"7"), ("ce_source", b"/web"), ("ce_time", b"2024-05-01T12:00:00Z")]
    shown = decode(letter(bare, *headers))
    assert shown is not None
    assert (shown["event_id"], shown["source"], shown["page"]) == ("/web/7", "/web", "/")
    assert decode(letter(bare)) is None
    assert decode(letter(bare, ("ce_id", b"\xff"))) is None
