"""The attributes that metrics are kept for: few and short ones, since each value is a bucket of its own."""

from __future__ import annotations

MOST_NAMES = 16
MOST_CHARACTERS = 128


def dimensions_of(attributes: dict[str, str]) -> dict[str, str]:
    """Return the attributes that are dimensions: the first `MOST_NAMES` by name of those that are short enough.

    The other attributes are in `touchpoints` alone.
    """
    if not attributes:
        return attributes
    # Most touchpoints have few attributes, together shorter than the limit of one: no look at each is needed.
    characters = sum(map(len, attributes)) + sum(map(len, attributes.values()))
    if len(attributes) <= MOST_NAMES and characters <= MOST_CHARACTERS:
        return attributes
    return dict(sorted(filter(_short, attributes.items()))[:MOST_NAMES])


def _short(attribute: tuple[str, str]) -> bool:
    name, value = attribute
    return len(name) <= MOST_CHARACTERS and len(value) <= MOST_CHARACTERS
