"""Which number of partitions fits the topics that are there, which of them are misspelt, and what to do. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Mapping

from schemas.topics import JOURNEYS_LOG, JOURNEYS_STATE, TOPIC_KINDS

NAMED = 3
"""How many topics a message names before it counts the rest."""
ALIKE = 0.9
"""By `difflib`, from which ratio on two names may be one that is misspelt: a letter or two of ten."""
_NO_DIGITS = str.maketrans("", "", "0123456789")
ADD_PARTITIONS = "kafka-topics.sh --alter --partitions"


def misfit(wanted: int, counts: Mapping[str, int]) -> str:
    """Return which topics have other partition counts than `TOUCHLINE_PARTITIONS`, and what to do; "" if none has.

    Args:
        wanted: the value of the setting.
        counts: the number of partitions of each of touchline's own topics that is there, by name; inputs have any.
    """
    others = {name: count for name, count in counts.items() if count != wanted}
    if not others:
        return ""
    found = "; ".join(
        f"{listed(sorted(name for name in others if others[name] == count))} {_have(others, count)}"
        for count in sorted(set(others.values()))
    )
    rule = "All topics but the inputs need the same number"
    return f"TOUCHLINE_PARTITIONS is {wanted}, but {found}. {rule}: {_advice(counts)}"


def misnamed(missing: Iterable[str], inputs: Container[str], there: Iterable[str]) -> str:
    """Return which missing topics `TOUCHLINE_TOPICS` names, perhaps wrongly; "" if none.

    Args:
        missing: the topics that are not there.
        inputs: the input topics.
        there: the topics that are.
    """
    named = sorted(name for name in missing if name in inputs and name not in TOPIC_KINDS)
    if not named:
        return ""
    free = sorted(name for name in there if name not in inputs)
    near = [*dict.fromkeys(match for name in named for match in difflib.get_close_matches(name, free, n=1))]
    meant = f" (did you mean {listed(near)}?)" if near else ""
    verb = "is a name" if len(named) == 1 else "are names"
    return f"{listed(named)} {verb} of TOUCHLINE_TOPICS: look at its spelling{meant}"


def misspelt(missing: Iterable[str], inputs: Container[str], there: Iterable[str]) -> str:
    """Return which missing topics `TOUCHLINE_TOPICS` seems to misspell, and what they are called; "" if none.

    Names that differ in nothing but their numbers, as `orders.v1` and `orders.v2`, are two names.

    Args:
        missing: the topics that are to be created.
        inputs: the input topics.
        there: the topics that are there.
    """
    named = sorted(name for name in missing if name in inputs and name not in TOPIC_KINDS)
    free = sorted({name for name in (*there, *TOPIC_KINDS) if name not in inputs})
    found = []
    for name in named:
        others = [one for one in free if one.translate(_NO_DIGITS) != name.translate(_NO_DIGITS)]
        found += [
            f"{name} is not there; did you mean {near}?" for near in difflib.get_close_matches(name, others, 1, ALIKE)
        ]
    return " ".join(found)


def listed(names: list[str]) -> str:
    """Return names as a text, the first few where they are many."""
    more = len(names) - NAMED
    shown = ", ".join(names if more <= 1 else names[:NAMED])
    return shown if more <= 1 else f"{shown} and {more} more"


def _have(others: Mapping[str, int], count: int) -> str:
    topics = sum(other == count for other in others.values())
    return f"{'has' if topics == 1 else 'have'} {count} partition{'' if count == 1 else 's'}"


def _advice(counts: Mapping[str, int]) -> str:
    """Return how to come to one number: partitions can be added, to the log and the state only without data."""
    most = max(counts.values())
    fewer = sorted(name for name, count in counts.items() if count < most)
    if not fewer:
        return f"set TOUCHLINE_PARTITIONS={most}, as all that are there have {most}"
    fixed = [name for name in (JOURNEYS_LOG, JOURNEYS_STATE) if name in fewer]
    if fixed:
        return (
            f"partitions cannot be taken away, nor added to {' and '.join(fixed)}; "
            f"set TOUCHLINE_PARTITIONS={most}, and run `touchline rebuild` (docs/operating.md#rebuilding)"
        )
    return f"give {listed(fewer)} {most} too ({ADD_PARTITIONS} {most}), and set TOUCHLINE_PARTITIONS={most}"
