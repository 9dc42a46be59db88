"""What accepted touchpoints state of who is who, and of whose subjects are, as messages to be written with them."""

from __future__ import annotations

from collections.abc import Iterable

from schemas import identity_links, journey_log
from schemas.kinds.touchpoint import Touchpoint
from schemas.subjects import is_subject
from schemas.topics import JOURNEYS_LOG, LINKS
from streams.identity.statements import Statements
from streams.identity.subjects import SubjectStatements
from streams.kafka.producer import Message, partition_for

Place = tuple[str, int]


class Stating:
    """What the touchpoints of a worker have stated: what has been said lately need not be said again.

    Args:
        links: which identities are stated together.
        subjects: whose subjects are.
        partitions: how many the journeys log has.
    """

    def __init__(self, links: Statements, subjects: SubjectStatements, partitions: int) -> None:
        self._links = links
        self._subjects = subjects
        self._partitions = partitions

    def messages_of(self, touchpoint: Touchpoint, late_before: int) -> list[tuple[Place, Message]]:
        """Return the messages that say what a touchpoint states anew, and where they go.

        Args:
            late_before: touchpoints that happened before this time (ms) come later than is allowed.
        """
        messages: list[tuple[Place, Message]] = []
        if touchpoint.identifiers and not (touchpoint.is_answer or is_subject(touchpoint.customer_key)):
            linked = self._links.stated_by(touchpoint, late_before)
            if linked is not None:
                messages.append(((LINKS, 0), Message(None, identity_links.encode(linked))))
        for stated in self._subjects.stated_by(touchpoint, late_before):
            key = stated.customer_key.encode()
            place = JOURNEYS_LOG, partition_for(key, self._partitions)
            messages.append((place, Message(key, journey_log.encode(stated))))
        return messages

    def forget_all(self) -> None:
        """Forget all that was stated: what was, may count no longer."""
        self._links.forget_all()
        self._subjects.forget_all()

    def forget(self, touchpoints: Iterable[Touchpoint]) -> None:
        """Forget that touchpoints have stated anything: it may not have been written."""
        for touchpoint in touchpoints:
            self._links.forget(touchpoint)
            self._subjects.forget(touchpoint)
