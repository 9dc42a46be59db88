"""Whose a case, order, cart, call or post is, as the partition of its own profile has heard.

The partition tells IDENTITY of it as soon as a touchpoint that states nobody waits there, and not before: most subjects
are only ever named by touchpoints that state somebody.
"""

from __future__ import annotations

import msgspec

from schemas.subjects import Statement, SubjectStated, with_statement


class Subject(msgspec.Struct, array_like=True, gc=False):
    """What is known of a subject.

    Attributes:
        statements: of each source the first of people, and the first of nobody, in their order.
        is_asked: whether a touchpoint that states nobody waits for its owner, or has.
    """

    statements: list[Statement] = []
    is_asked: bool = False

    def take(self, record: SubjectStated) -> list[SubjectStated]:
        """Take a statement, or a question; return what IDENTITY has to be told."""
        if record.statement is None:
            was_asked, self.is_asked = self.is_asked, True
            return [] if was_asked else self.told(record.customer_key)
        kept = with_statement(self.statements, record.statement)
        if kept is self.statements:
            return []
        self.statements = kept
        return [record] if self.is_asked else []

    def forget(self, stated_key: str, until: int) -> bool:
        """Forget what was said up to a time (ms) by whoever has a stated key; return whether there was any."""
        kept = [one for one in self.statements if one.stated_key != stated_key or one.occurred_at > until]
        is_less = len(kept) < len(self.statements)
        self.statements = kept
        return is_less

    def since(self, at: int) -> Subject:
        """Return what was only said after a time (ms)."""
        return Subject([one for one in self.statements if one.occurred_at > at], self.is_asked)

    def told(self, customer_key: str) -> list[SubjectStated]:
        """Return what IDENTITY has been told, or has to be: it is told again after a crash."""
        return [SubjectStated(customer_key, one) for one in self.statements] if self.is_asked else []
