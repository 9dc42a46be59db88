"""Identities as a process's settings have them; what is ignored is counted in its metrics."""

from __future__ import annotations

from itertools import product

from schemas.identifiers import COUNTED_KINDS, IGNORED_REASONS
from streams.agents.services import Services
from streams.identities import identities_of
from streams.identity.identities import Identities


def open_identities(services: Services) -> Identities:
    """Return what says whose a touchpoint is."""
    counter = services.telemetry.identifiers_ignored
    counters = {
        (kind, reason): counter.labels(kind, reason) for kind, reason in product(COUNTED_KINDS, IGNORED_REASONS)
    }
    return identities_of(services.settings, lambda kind, reason: counters[kind, reason].inc())
