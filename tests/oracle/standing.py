"""Where customers stand in their journeys, and for how long others stood there, worked out journey by journey."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.oracle.compare import World
from tests.oracle.histories import ended_at
from tests.oracle.metrics import quantile
from tests.oracle.touchpoints import Touch


def standing(world: World) -> Iterator[dict[str, Any]]:
    """Give the rows of the view."""
    usual: dict[str, list[float]] = defaultdict(list)
    last: list[tuple[str, str, Touch]] = []
    for history in world.people.values():
        for journey in history.journeys:
            in_order = sorted(journey, key=lambda touch: (touch.at, touch.event_id))
            for touch, later in pairwise(in_order):
                usual[touch.kind_and_action].append((later.at - touch.at) / 1000)
            if ended_at(journey, history.now) is None:
                stands = in_order[-1]
                owner = world.owners[stands.stored_key, stands.at]
                last.append((owner, history.journey_of(stands), stands))
    # Once a step, as many customers stand at the same one.
    quantiles = {step: (quantile(waits, 0.5), quantile(waits, 0.9)) for step, waits in usual.items()}
    for customer, journey_id, touch in last:
        waits, seconds = usual[touch.kind_and_action], (world.clock - touch.at) / 1000
        p50, p90 = quantiles.get(touch.kind_and_action, (None, None))
        yield {
            "customer_id": customer,
            "journey_id": journey_id,
            "step": touch.kind_and_action,
            "since": touch.at,
            "waiting_seconds": seconds,
            "went_on": len(waits),
            "usual_seconds_p50": p50,
            "usual_seconds_p90": p90,
            "enough": len(waits) >= 30,
            "as_of": world.clock,
            "stuck": len(waits) >= 30 and p90 is not None and seconds > p90,
        }
