"""The record that says whose a case, order, cart, call or post is, in the journeys log and among the links.

In the journeys log it stands in the partition of the subject's own profile, which collects such statements. That
partition writes it to `identity.links.v1`, too, once a touchpoint that states nobody waits for the subject's owner.
"""

from __future__ import annotations

from typing import get_args

import msgspec

from schemas.identifiers import ANONYMOUS
from schemas.kinds.kind import SubjectKind
from schemas.kinds.touchpoint import tag_of

SUBJECT_KINDS: tuple[SubjectKind, ...] = get_args(SubjectKind)
PROFILES = tuple(f"{ANONYMOUS}{kind}:" for kind in SUBJECT_KINDS)
"""How the names of subjects' own profiles begin."""
SOURCES_MAX = 4
"""Of so many sources the statements of people are kept, and those of nobody: those whose first is the earliest."""


class Statement(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a touchpoint says of whose a subject is.

    Attributes:
        stated_key, source, occurred_at, event_id: the touchpoint's; the time in ms.
        late: whether it came later than the allowed lateness.
        nameless: whether it states nobody: then its stated key is another subject's.
        late_before: where it was late, before which time (ms) everything was.
    """

    stated_key: str
    source: str
    occurred_at: int
    event_id: str
    late: bool = False
    nameless: bool = False
    late_before: int = 0

    @property
    def rank(self) -> tuple[bool, bool, int, str, str, str]:
        """What orders statements: the first counts. Whoever states a person comes before whoever states nobody."""
        return self.nameless, self.late, self.occurred_at, self.event_id, self.source, self.stated_key


class SubjectStated(msgspec.Struct, array_like=True, tag=tag_of("subject"), frozen=True, gc=False):
    """A statement, or a question, of whose a subject is.

    Attributes:
        customer_key: the name of the subject's own profile.
        statement: None where a touchpoint that states nobody waits for the subject's owner.
    """

    customer_key: str
    statement: Statement | None = None


def is_subject(customer_key: str) -> bool:
    """Return whether a stated key is the name of a subject's own profile: its touchpoint states nobody."""
    return customer_key.startswith(PROFILES)


def with_statement(known: list[Statement], stated: Statement) -> list[Statement]:
    """Return the statements of a subject with one more: of each source the first of people, and the first of nobody.

    They are in their order, which is not that in which they come. Where nothing changes, `known` itself is returned.
    """
    if not known:
        return [stated]
    says = stated.source, stated.nameless
    if any((one.source, one.nameless) == says and one.rank <= stated.rank for one in known):
        return known
    kept = [one for one in known if (one.source, one.nameless) != says]
    ranked = sorted([*kept, stated], key=lambda one: one.rank)
    people, nobody = ([one for one in ranked if one.nameless == nameless] for nameless in (False, True))
    found = [*people[:SOURCES_MAX], *nobody[:SOURCES_MAX]]
    return known if found == known else found
