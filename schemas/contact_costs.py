"""What contacts cost the business, as `TOUCHLINE_CONTACT_COSTS` says; by default nothing is known of it."""

from __future__ import annotations

import math

from schemas.named_values import SHOWN, named_values
from schemas.text import shortened

COSTS = ("call", "case", "hour", "post")
"""Of one call, case and bad post, and of an hour that agents have a call; minor units of the business's currency."""


def read_contact_costs(text: str) -> str:
    """Return all costs as one text, `name=amount,…` by name, 0 for those that are not said; "" where none is.

    Args:
        text: a comma list of `name=amount`, minor units.

    Raises:
        ValueError: the text does not hold; the message says which cost, and how to write it.
    """
    said: dict[str, str] = {}
    for name, amount in named_values(
        text, COSTS, bare="says nothing: write call=250", unknown="costs nothing here", twice="is there twice"
    ):
        said[name] = _amount(name, amount)
    return ",".join(f"{name}={said.get(name, '0')}" for name in COSTS) if said else ""


def _amount(name: str, text: str) -> str:
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not 0 <= amount < 1e9:
        raise ValueError(f"{name}: {shortened(text, SHOWN)!r} is no amount in minor units, as 250 is")
    return f"{amount:g}" if amount < 1e6 else str(round(amount))
