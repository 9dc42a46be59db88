"""How much a step in a customer's timeline does, and how much a timeline keeps."""

from __future__ import annotations

from schemas.units import HOUR_MS
from streams.journeys.state import STATE_MAX_BYTES

FOLD_AT = 32
"""With this many pending touchpoints, those past the allowed lateness are folded; fewer are not worth the work."""
STEP_WORK = 128
"""Work after which a step leaves the rest to the next, in units of an ordinary touchpoint's (see `Effects.work`).

A step fires timers and applies what waited; it then goes on with a recomputation, or folds what is past. Each of these
does so much, and the last touchpoint of each a little more."""
PENDING_MAX = 1_500
PENDING_MAX_BYTES = 1 << 20
WORK_MAX = 5_000
"""With more than this pending (a robot's), the oldest are folded before they are past the allowed lateness."""
EARLY_SHARE = 8
"""What part of them is then folded in one step."""
BYTES_A_UNIT = 32
KEPT_BYTES = 32 << 10
"""For so many bytes that come meanwhile, a recomputation does one more unit of work. Of a touchpoint that has been
applied so many stay at most."""
OVERDRAWN_BYTES = 512 << 10
"""By how much a recomputation, which has to end first, may let the bytes be exceeded."""
TIMELINE_MAX_BYTES = 2 * STATE_MAX_BYTES + PENDING_MAX_BYTES + OVERDRAWN_BYTES + (512 << 10)
"""What a timeline takes at most, encoded: two states, the pending touchpoints (one may be a little larger than all may
be together), their numbers, and what timers add to a state."""
AT_ONCE = 512
"""Work up to which a recomputation begins at once."""
PAID = 128
"""Work of a dearer recomputation that each displaced touchpoint pays for."""
DISPLACED_MS = HOUR_MS
DISPLACED_SHARE = 72
"""How long a touchpoint is displaced at most: an hour of event time, or this share of a longer allowed lateness."""
MARGIN_MS = HOUR_MS
"""How long before the end of its allowed lateness it is put in its place at the latest: that takes some steps."""
CHECKPOINT_BEFORE = 32
"""How many touchpoints before the place of a late one the checkpoint is made: others come late with it."""
