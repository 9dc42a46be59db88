"""Tells messages of those who were erased from others, by the key of pseudonyms in force and by each earlier one.

Who was erased is known by digests of stated keys, and a pseudonym tells nobody's identifier. So a message of somebody
who was known by an earlier key alone is found by the pseudonyms that this key makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint
from streams.agents.identities import looked_up_by
from streams.agents.services import Services
from streams.identity.identities import Identities


class ErasedMessages:
    """What is known of who was erased, beside messages.

    Args:
        services: know who was erased, tell the settings.
    """

    def __init__(self, services: Services) -> None:
        self._erasures = services.erasures
        # What these ignore is counted where the touchpoint is validated.
        self._by_each = looked_up_by(services.settings)

    def has(self, touchpoint: Touchpoint, decoded: Callable[[], Mapping[str, Any]]) -> bool:
        """Return whether a touchpoint is of somebody who was erased since.

        Args:
            decoded: returns its message's record; it is called only where an earlier key may tell more.
        """
        at, earlier = touchpoint.occurred_at, self._by_each[1:]
        if self._erasures.holds(touchpoint.customer_key, at):
            return True
        if not earlier:
            return False
        said, kind = decoded(), TOUCHPOINT_KINDS[touchpoint.kind]
        # The identifiers of an answer are the business's own.
        if earlier[0].subjects.is_answer(kind, said):
            return False
        return any(self._erasures.holds(key, at) for key in _stated_keys(said, earlier))

    def has_said(self, said: Mapping[str, Any], at: int) -> bool:
        """Return whether what a message says of whose it is names somebody who was erased after a time (ms)."""
        return any(self._erasures.holds(key, at) for key in _stated_keys(said, self._by_each))


def _stated_keys(said: Mapping[str, Any], by_each: Iterable[Identities]) -> Iterator[str]:
    """Yield the stated keys of a record, by each way to read identifiers that finds one."""
    whose = {"customer_id": said["customer_id"], "identifiers": said["identifiers"], "attributes": {}}
    for identities in by_each:
        stored = identities.stored(whose)
        customer_key = identities.customer_key_of(stored["customer_id"], stored["identifiers"])
        if customer_key is not None:
            yield customer_key
