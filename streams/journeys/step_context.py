"""Where in the log, and in time, a customer's timeline takes a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.journeys.checkpoints import Checkpoints

if TYPE_CHECKING:
    from streams.journeys.recomputation import Recomputation


class StepContext(msgspec.Struct, frozen=True, gc=False):
    """Where in the log a step is taken. One is made for every record: a struct is made faster than a named tuple.

    Attributes:
        offset: the record's.
        time: the partition's time, ms.
        timers_until: timers up to this time are due, ms: the partition's time less the timers' delay.
        late_before: a touchpoint before this time is beyond the allowed lateness, ms: it is late.
        settled_before: nothing before this time can come any more that is not late, ms: what is before it may be folded
            and forgotten. It is never later than `late_before`.
        checkpoints: the partition's.
        recomputations: those of the partition that are under way, by customer.
    """

    offset: int
    time: int
    timers_until: int
    late_before: int
    settled_before: int
    checkpoints: Checkpoints
    recomputations: dict[str, Recomputation]
