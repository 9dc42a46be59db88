"""Other spellings of one identifier, and typing errors in one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

_FULL_WIDTH = str.maketrans("0123456789", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19")
_ARABIC_INDIC = str.maketrans("0123456789", "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669")

Spelling = Callable[[str], str]

SPELLINGS: Mapping[str, tuple[Spelling, ...]] = MappingProxyType(
    {
        "email": (
            str.upper,
            str.title,
            lambda value: f"mailto:{value}",
            lambda value: f'"Customer" <{value}>',
            lambda value: f"  {value} ",
        ),
        "phone": (
            lambda value: value.replace("+", "00", 1),
            lambda value: value.replace(" ", ""),
            lambda value: "tel:" + value.replace(" ", "-"),
            lambda value: value.replace(" ", " (0)", 1),
            lambda value: f"sip:{value.replace(' ', '')}@pbx.example;user=phone",
            lambda value: value.translate(_FULL_WIDTH),
            lambda value: value.translate(_ARABIC_INDIC),
        ),
        "twitter": (
            str.upper,
            lambda value: value.removeprefix("@"),
            lambda value: f"https://twitter.com/{value.removeprefix('@')}",
        ),
    }
)
"""By kind, spellings of a value that mean the same; values of other kinds are compared as they are sent."""


def spelled(random: Random, kind: str, value: str) -> str:
    """Return a value as it is, or in another spelling that means the same."""
    spellings = SPELLINGS.get(kind)
    if spellings is None or random.random() < 0.2:
        return value
    return random.choice(spellings)(value)


def mistyped(random: Random, address: str) -> str:
    """Return an e-mail address, `name.number@example.com`, with a typing error that makes no other person's of it."""
    name, domain = address.split("@")
    place = random.randrange(name.index("."))
    return random.choice(
        (
            f"{name}@exmaple.com",
            f"{name}@example.con",
            f"{name}@{domain.replace('.', '')}.example",
            f"{name[:place]}{name[place]}{name[place:]}@{domain}",
        )
    )
