"""People who share something, or one person alone: what is simulated at once, whatever else there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from touchline.simulate.identities.individual import Individual
from touchline.simulate.shop import DAY_MS, Period, random_moment

MIN_DAYS = 240
"""A simulation takes at least so many days: phones pass to others after months."""
_STORY_DAYS = 220
"""A unit's story begins so many days before the end, or earlier."""


@dataclass(slots=True)
class Unit:
    """Some people, and what decides about them.

    Attributes:
        first: number of its first person.
        size: how many people it has.
        subject_only: whether touchpoints may state nobody, where what they are about is known.
        start: a moment from which on all of its story fits into the simulation, ms.
    """

    scenario: str
    first: int
    size: int
    random: Random
    start: int
    subject_only: bool = False
    people: list[Individual] = field(default_factory=list)

    @classmethod
    def new(cls, scenario: str, first: int, size: int, seed: int, period: Period, subject_only: bool) -> Unit:
        """Return a unit without people; what chance decides is a function of `seed` and `first`."""
        random = Random(f"{seed}/identities/{first}")  # noqa: S311  # a simulation needs no secret randomness
        days = (period.end - period.start) // DAY_MS - _STORY_DAYS
        start = random_moment(random, period.start + random.randrange(days) * DAY_MS)
        return cls(scenario, first, size, random, start, subject_only)

    def add(self, *kinds: str) -> Individual:
        """Return one more person, who holds one identity of each of some kinds."""
        individual = Individual.new(self.first + len(self.people), self.scenario, self.random)
        for kind in kinds:
            individual.hold(kind)
        self.people.append(individual)
        return individual
