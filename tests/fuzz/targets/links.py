"""Links, commands and statements of subjects as any publishers may state them, in any order."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
from typing_extensions import override

from schemas.identity_links import CUSTOMER, Command, IdentitiesStated, Identity
from schemas.subjects import SOURCES_MAX, Statement
from streams.identity.graph import LINKS_MAX, IdentityGraph
from streams.identity.limits import Limits
from streams.identity.links import links_of, stated_as
from streams.identity.subject_index import HANGING_MAX
from streams.identity.subject_owners import SubjectOwners
from tests.fuzz.target import CPU_MS, Target

_KINDS = (CUSTOMER, "email", "phone", "device", "cookie", "crm", "a", "zz")
_SMALL = Limits({CUSTOMER: 2, "email": 2, "phone": 2, "device": 3, "cookie": 4}, 3, 12, 12)


class Links(Target):
    """Who is who is the same in any order, and no link is dear."""

    @override
    def make(self, rng: random.Random) -> bytes:
        people = rng.choice((2, 5, 20))
        pool = [(kind, str(number)) for kind in _KINDS for number in range(people)]
        said: list[IdentitiesStated | Command] = []
        for number in range(rng.choice((10, 30, 90))):
            at, event = rng.randrange(200), f"e{rng.randrange(20)}"
            if rng.random() < 0.05:
                one, other = rng.sample(pool, 2)
                said.append(Command(rng.choice(("link", "unlink")), one, other, at, str(number)))
            else:
                stated = stated_as(_stated(rng, pool), at, event, late=rng.random() < 0.2)
                said += [stated] if stated is not None else []
        return msgspec.msgpack.encode((rng.randrange(1 << 30), rng.choice((3, 8, LINKS_MAX)), said))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        seed, links_max, said = msgspec.msgpack.decode(data, type=tuple[int, int, list[IdentitiesStated | Command]])
        graph, again = (IdentityGraph(_SMALL, 30, links_max) for _ in range(2))
        told = {}
        for one in said:
            yield CPU_MS
            changes = graph.obey(one) if isinstance(one, Command) else graph.add(*links_of(one))
            told.update(changes.owners)
        yield CPU_MS * (1 + len(said))
        # The same links one by one, in another order.
        apart = [each for one in said for each in ([one] if isinstance(one, Command) else links_of(one))]
        random.Random(seed).shuffle(apart)
        for each in apart:
            again.obey_again(each) if isinstance(each, Command) else again.restore(each)
        for identity in {identity for each in apart for identity in (each.first, each.second)}:
            owned = graph.owned(identity)
            assert owned == again.owned(identity), "the order matters"
            assert owned == told.get(identity, ()), "not what was told"


def _stated(rng: random.Random, pool: list[Identity]) -> list[Identity]:
    """Return what one touchpoint may state: one identity of each of some kinds."""
    return list(dict(rng.sample(pool, rng.choice((2, 2, 3, 5)))).items())


class Subjects(Target):
    """Statements of whose subjects are: hundreds hang on one another, and many are people's, too."""

    @override
    def make(self, rng: random.Random) -> bytes:
        count, sources = rng.choice((20, 300, HANGING_MAX - 1, HANGING_MAX + 20)), rng.choice((0, 0, 1, SOURCES_MAX))
        people, gap = rng.choice((3, 10_000)), rng.choice((0, 1, 20))
        said = []
        for number in range(1, count):
            # A chain, a star, or a tree, and one that says so later moves what hangs on it.
            to = rng.choice((number - 1, number - 1, 0, number // 2, rng.randrange(number)))
            said.append((_subject(number), Statement(_subject(to), "s", 1 + gap * number, f"e{number}", nameless=True)))
            for source in range(sources):
                person = f"anon:cookie:{rng.randrange(people)}"
                at = 2 + gap * number + source
                said.append((_subject(number), Statement(person, f"s{source}", at, f"e{number}-{source}")))
        if rng.random() < 0.5:
            rng.shuffle(said)
        for number in range(8):
            subject, other = rng.randrange(count), rng.randrange(count)
            nameless = rng.random() < 0.5
            key = _subject(other) if nameless else f"c{number}"
            stated = Statement(key, f"s{number}", -number, f"n{number}", nameless=nameless)
            said.append((_subject(rng.choice((0, 0, subject, count))), stated))
        return msgspec.msgpack.encode(said)

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        *known, last = msgspec.msgpack.decode(data, type=list[tuple[str, Statement]])
        owners = SubjectOwners(10, lambda identity: [(0, f"owner of {identity[1]}")])
        for subject, stated in known[:-7]:
            owners.restore(subject, stated)
        for subject, stated in (*known[-7:], last):
            adding = owners.adding(subject, stated)
            told: list[str] | None = None
            while told is None:
                yield CPU_MS
                try:
                    next(adding)
                except StopIteration as end:
                    told = end.value
            for _ in owners.owning(told):
                yield CPU_MS


def _subject(number: int) -> str:
    return f"anon:post:{number}"
