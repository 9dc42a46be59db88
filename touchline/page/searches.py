"""Who was found: searches by a name that no address and no log shows, and what they found for some minutes."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence

from schemas.identifiers import ANONYMOUS
from schemas.identity_links import CUSTOMER
from streams.identity.identities import Identities
from streams.runtime.clock import Clock
from touchline.identity.known import candidates
from touchline.page.asked import AskedError

KEPT_MS = 30 * 60_000
"""For how long what a search found can be looked at."""
MOST = 256
"""Searches that are kept, at most: the newest."""


class Searches:
    """What searches found, each under a name that tells nothing.

    Args:
        clock: tells the wall-clock time, epoch ms.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[int, tuple[str, ...]]] = OrderedDict()

    def keep(self, customers: Sequence[str]) -> str:
        """Keep whom a search found, and return the name to look at it by."""
        name = secrets.token_urlsafe(16)
        self._kept[name] = (self._clock(), tuple(customers))
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return name

    def found(self, name: str) -> tuple[str, ...]:
        """Return whom a search found.

        Raises:
            AskedError: it was too long ago.
        """
        at, customers = self._kept.get(name, (0, ()))
        if self._clock() - at > KEPT_MS:
            raise AskedError("That search was a while ago; search again.")
        return customers


def looked_for(said: str, readers: Sequence[Identities]) -> dict[str, object]:
    """Return the values that `touchline.page.screens.customers.FIND` names, of what somebody writes into the form."""
    found = list(dict.fromkeys(one for reader in readers for one in candidates(said, reader)))
    names = [value if kind == CUSTOMER else f"{ANONYMOUS}{kind}:{value}" for kind, value in found]
    return {
        "kinds": [kind for kind, _ in found],
        "values": [value for _, value in found],
        "names": list(dict.fromkeys([*names, said.strip()])),
    }
