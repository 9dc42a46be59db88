"""Asks the workers' own check whether they would take a message, to compare its answer with what is promised."""

from __future__ import annotations

import copy
import json
from typing import Any

from schemas.avro.registry import FileRegistry
from schemas.errors import RefusalError
from streams.identity.identities import Identities
from streams.sentiment import VaderScorer
from touchline.records.check import Checker
from touchline.records.examples import example_json

NOW = 1_790_000_000_000
"""After the examples' times."""
_CHECKER = Checker(FileRegistry(), VaderScorer(), Identities())


def example(kind: str) -> dict[str, Any]:
    """Return the example of a kind in JSON."""
    said: dict[str, Any] = json.loads(example_json(kind))
    return said


def changed(said: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a message with another value at a path such as `items[].sku`: there of the first entry."""
    found = copy.deepcopy(said)
    outer, _, name = path.rpartition("[].")
    (found[outer][0] if outer else found)[name] = value
    return found


def without(said: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a message without what stands at a path."""
    found = copy.deepcopy(said)
    outer, _, name = path.rpartition("[].")
    (found[outer][0] if outer else found).pop(name)
    return found


def refusal(kind: str, said: object, now: int = NOW) -> str | None:
    """Return why a message in JSON is refused, None where it is taken."""
    try:
        _CHECKER.check(json.dumps(said).encode(), kind, now)
    except RefusalError as error:
        return f"{error.reason}: {error.detail}"
    return None
