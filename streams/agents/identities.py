"""Identities as the settings have them: readable, or as pseudonyms where there is a key."""

from __future__ import annotations

from itertools import product

from schemas.identifiers import COUNTED_KINDS, IGNORED_REASONS
from streams.agents.services import Services
from streams.identity.hiding import PseudonymousIdentities
from streams.identity.identities import CountIgnored, Identities, count_nothing
from streams.identity.pseudonyms import Pseudonyms
from streams.settings import Settings


def open_identities(services: Services) -> Identities:
    """Return what says whose a touchpoint is; what is ignored is counted in the process's metrics."""
    counter = services.telemetry.identifiers_ignored
    counters = {
        (kind, reason): counter.labels(kind, reason) for kind, reason in product(COUNTED_KINDS, IGNORED_REASONS)
    }
    return identities_of(services.settings, lambda kind, reason: counters[kind, reason].inc())


def identities_of(settings: Settings, ignored: CountIgnored = count_nothing) -> Identities:
    """Return what reads identities as they are written.

    Args:
        ignored: is told of each identifier that is ignored.
    """
    key, earlier = settings.pseudonym_keys()
    if key is None:
        return Identities(settings.phone_region, settings.placeholder_patterns, ignored, settings.subject_kinds)
    return _hiding(settings, ignored, key, *earlier)


def looked_up_by(settings: Settings) -> list[Identities]:
    """Return what reads an identity that somebody looks up: by the key in force, then by each earlier one."""
    key, earlier = settings.pseudonym_keys()
    keys = earlier if key is None else [key, *earlier]
    return [identities_of(settings), *(_hiding(settings, count_nothing, one, *keys) for one in earlier)]


def _hiding(settings: Settings, ignored: CountIgnored, key: bytes, *earlier: bytes) -> PseudonymousIdentities:
    pseudonyms = Pseudonyms(key, earlier)
    patterns, kinds = settings.placeholder_patterns, settings.subject_kinds
    return PseudonymousIdentities(pseudonyms, settings.phone_region, patterns, ignored, kinds)
