"""How loyalty and value are measured: by default, or as `TOUCHLINE_LOYALTY` says."""

from __future__ import annotations

import math
from collections.abc import Mapping

from schemas.named_values import SHOWN, named_values
from schemas.text import shortened

DEFAULT_LOYALTY: Mapping[str, str] = {
    "at_risk": "2",
    "attribution": "first_order",
    "lapsed": "4",
    "loyal_days": "3",
    "margin": "1",
    "mend": "12",
    "method": "bg_nbd",
    "rhythm_days": "30",
}
"""By name, in the order in which every row of the views says them."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "attribution": ("first_order", "first_touch"),
    "method": ("bg_nbd", "rfm"),
}
"""The settings that are one of several names; the others are numbers above 0."""


def read_loyalty(text: str) -> str:
    """Return all settings as one text, `name=value,…` by name: the defaults, but for what a text says.

    Args:
        text: a comma list of `name=value`.

    Raises:
        ValueError: the text does not hold; the message says which setting, and how to write it.
    """
    said: dict[str, str] = {}
    for name, value in named_values(
        text,
        DEFAULT_LOYALTY,
        bare="says nothing: write margin=0.4",
        unknown="is no setting of loyalty",
        twice="is there twice",
    ):
        said[name] = _choice(name, value) if name in CHOICES else _number(name, value)
    values = {**DEFAULT_LOYALTY, **said}
    if float(values["at_risk"]) > float(values["lapsed"]):
        raise ValueError(f"at_risk={values['at_risk']} comes after lapsed={values['lapsed']}: write a smaller number")
    return ",".join(f"{name}={value}" for name, value in values.items())


def _choice(name: str, value: str) -> str:
    if value not in CHOICES[name]:
        raise ValueError(f"{name}: {shortened(value, SHOWN)!r} is none of {', '.join(CHOICES[name])}")
    return value


def _number(name: str, text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < 1e6:
        raise ValueError(f"{name}: {shortened(text, SHOWN)!r} is no number above 0, as {DEFAULT_LOYALTY[name]} is")
    if name == "margin" and number > 1:
        raise ValueError(f"margin: {shortened(text, SHOWN)!r} is no share: write a number up to 1, as 0.4")
    return f"{number:g}"
