"""What was late when it was first stated, and stays so: a rebuild reads it again, and perhaps in its time.

Links outlive a rebuild. A record of a link that was late says before which time everything was late then. What states
the same behind it, and happened before that time, was late, too, when it was first read, or was recorded in time
before: then that record counts. So owners after a rebuild are those of before.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.identity_links import IdentitiesStated, Link
from schemas.subjects import Statement, SubjectStated
from streams.identity.links import links_of


class Verdicts:
    """Before which time links, and statements of subjects, were late: about 100 bytes for each that ever was."""

    def __init__(self) -> None:
        # By hashes of this process, which nobody else can foresee.
        self._late_before: dict[int, int] = {}

    def links_of(self, stated: IdentitiesStated) -> list[Link]:
        """Return what the next record links, each link with the verdict that stands."""
        links = links_of(stated)
        if stated.late:
            for link in links:
                self._note(hash(link.pair), stated.late_before)
        elif self._late_before:
            known, at = self._late_before, stated.occurred_at
            return [replace(one, late=True) if at < known.get(hash(one.pair), 0) else one for one in links]
        return links

    def statement_of(self, stated: SubjectStated) -> Statement | None:
        """Return what the next record says of a subject, with the verdict that stands."""
        said = stated.statement
        if said is None or not (said.late or self._late_before):
            return said
        named = hash((stated.customer_key, said.source, said.nameless))
        if said.late:
            self._note(named, said.late_before)
            return said
        return replace(said, late=True) if said.occurred_at < self._late_before.get(named, 0) else said

    def _note(self, named: int, late_before: int) -> None:
        self._late_before[named] = max(late_before, self._late_before.get(named, 0))
