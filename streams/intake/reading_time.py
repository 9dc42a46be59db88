"""How far an input has come in event time as it is read: by its own records alone, so that a rebuild tells the same."""

from __future__ import annotations


class ReadingTime:
    """The time that one input's records have told up to one of them.

    What is read ahead of the others' inputs is judged by it: the merge's own time is behind by then, and after a
    rebuild by years. One wrong clock, or two in a row, do not move it.
    """

    def __init__(self) -> None:
        self._reached = self._before = self._last = 0

    def read(self, time: int) -> int:
        """Take the time of the next record, ms, 0 where it tells none; return how far the input has come with it.

        Of a record and the two before it the least time counts; it never goes back.
        """
        if time:
            self._reached = max(self._reached, min(time, self._last, self._before))
            self._before, self._last = self._last, time
        return self._reached
