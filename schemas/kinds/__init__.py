"""The kinds of messages that touchline takes in: one module a kind, and every table of kinds derived from them."""

from __future__ import annotations

from importlib import import_module

from schemas.kinds.kind import BusinessKind, Kind, TouchpointKind
from schemas.kinds.names import KIND_NAMES

__all__ = ["KINDS", "TOUCHPOINT_KINDS", "BusinessKind", "Kind", "TouchpointKind"]

# Imported by name, so that the vocabulary in `names` is the only list of kinds.
KINDS: dict[str, TouchpointKind | BusinessKind] = {
    name: import_module(f"{__name__}.{name}").KIND for name in KIND_NAMES
}
"""Every kind by its name, in the order of `KIND_NAMES`."""

TOUCHPOINT_KINDS: dict[str, TouchpointKind] = {
    name: kind for name, kind in KINDS.items() if isinstance(kind, TouchpointKind)
}
"""The kinds of customers' touchpoints; the others are the business's own."""
