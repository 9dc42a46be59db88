"""Two log partitions in memory, of which the first has a guest and the second the customers: what they send arrives."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from schemas import journey_log
from schemas.identifiers import ANONYMOUS
from schemas.journey_log import LogRecord, Owners, Tick
from schemas.units import DAY_MS
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.journeys.signals import Signal
from tests.simulation.journeys_log import Tables
from tests.unit.journeys.play import MINUTE, SECOND, T0

RULES = Rules(moved_ms=3 * DAY_MS)
WINDOW = 30 * DAY_MS
GUEST = "anon:cookie:k"


def owners(links_offset: int, *owned: tuple[int, str], key: str = GUEST) -> Owners:
    """Return who owns a key's touchpoints by links at some times, ms after `T0`, with the settings' usual windows."""
    linked = [T0 + at for at, _ in owned]
    since, adopted_since = [at - RULES.moved_ms for at in linked], [at - WINDOW for at in linked]
    return Owners(key, since, [owner for _, owner in owned], links_offset, adopted_since=adopted_since)


class Two:
    """Two partitions and what a sink has stored of them; each record is a chunk of its own.

    Attributes:
        signals: of both, in the order in which they were sent.
        sent: what each has sent, with the key of whom it is for.
        adopted: how many things they have counted that came to their owner.
    """

    def __init__(self, rules: Rules = RULES) -> None:
        self.partitions = [Partition(number, 1, rules) for number in (0, 1)]
        self.tables = Tables()
        self.signals: list[Signal] = []
        self.sent: list[tuple[str, LogRecord]] = []
        self.adopted = 0
        self._rules = rules
        self._ends = [0, 0]
        self._entries: list[dict[bytes, bytes | None]] = [{}, {}]

    def send(self, *records: LogRecord) -> Two:
        """Let records arrive where their customers are."""
        for record in records:
            assert not isinstance(record, Tick)
            self._apply(number_of(record.customer_key), record)
        return self

    def at(self, at: int, numbers: Sequence[int] = (0, 1)) -> Two:
        """Let all times be `at` ms after `T0`, and five minutes more, by which timers are delayed.

        Args:
            numbers: of the partitions that hear of it.
        """
        for second in range(3):
            # The first tells the partitions' own time, the second what all of them have reached.
            told = T0 + at + 5 * MINUTE + second * SECOND
            for number in numbers:
                self._apply(number, Tick(told, told, told))
        return self

    def restarted(self, number: int) -> Two:
        """Make a partition anew of its changelog."""
        self.partitions[number] = Partition(number, 1, self._rules)
        for key, value in self._entries[number].items():
            self.partitions[number].restore(key, value)
        self.partitions[number].restored()
        return self

    def seen(self, table: str) -> list[dict[str, object]]:
        return self.tables.seen().get(table, [])

    def rate(self, name: str = "cart_abandonment_rate") -> tuple[int, int]:
        """Return a metric's numerator and how many were observed, over all buckets."""
        rows = [row for row in self.seen("metric_buckets") if (row["metric"], row["dimension"]) == (name, "all")]
        kept = self.tables.rows["metric_buckets"].values()
        assert len(rows) <= len(kept)
        of_it = [row for row in kept if (row["metric"], row["dimension"]) == (name, "all")]
        return sum(row["numerator"] for row in of_it), sum(row["n"] for row in of_it)

    def last_signals(self) -> dict[tuple[object, object], tuple[object, object, object]]:
        """Return of each customer and thing the last signal: status, whether it is retracted, the former customer."""
        told = [signal.record for signal in self.signals if signal.name == "Abandonment"]
        return {
            (one["customer_id"], one["subject_id"]): (one["status"], one["retracted"], one["previous_customer_id"])
            for one in told
        }

    def _apply(self, number: int, record: LogRecord) -> None:
        """Apply a record, and all that is sent because of it."""
        waiting = deque([(number, record)])
        while waiting:
            place, applied = waiting.popleft()
            partition = self.partitions[place]
            partition.apply(self._ends[place], applied, journey_log.encode(applied))
            self._ends[place] += 1
            output = partition.flush()
            self.tables.write(output)
            self.signals += output.signals
            self.adopted += output.counts["adopted"]
            self._entries[place].update(output.state)
            arriving = [(key, journey_log.decode(data)) for key, data in output.forwarded]
            self.sent += arriving
            waiting.extend((number_of(key), one) for key, one in arriving)


def number_of(customer_key: str) -> int:
    return 0 if customer_key.startswith(ANONYMOUS) else 1
