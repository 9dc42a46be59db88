"""What an identity takes of IDENTITY's memory, at some counts, and its start: the figures of docs/identity.md.

    python -m bench.identity_memory 1000000 1400000 2000000 --step 2 --restart 100000

The links are those of simulated people, copied under other names as often as the counts need.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from msgspec.structs import replace

from bench.identity import Rule, Seen, read_lines, restarted_in, size_of
from schemas.identity_links import CUSTOMER, IdentitiesStated, decode, encode
from streams.identity.graph import IdentityGraph
from streams.identity.links import links_of
from touchline.simulate.identities import write_identities
from touchline.simulate.stream import period_of

PEOPLE = 1_000
SEED = 1
_NUMBER = re.compile(r"\d+")
_AREA = len("+49")


def records_of(people: int) -> list[IdentitiesStated]:
    """Return what simulated people state of who they are."""
    rule = Rule()
    with tempfile.TemporaryDirectory(prefix="touchline-bench-") as folder:
        lines = Path(folder) / "people.jsonl"
        write_identities(people, SEED, period_of(365), lines, subject_only=True)
        for seen in read_lines(lines, Seen):
            rule.learn(seen)
    found = (decode(record) for record in rule.records)
    return [one for one in found if isinstance(one, IdentitiesStated)]


def copied(records: Sequence[IdentitiesStated]) -> Iterator[IdentitiesStated]:
    """Yield records under other names of the same length, again and again, without an end."""
    copy = 0
    while True:
        copy += 1
        for record in records:
            identities = [(kind, _renamed(kind, value, copy)) for kind, value in record.identities]
            yield replace(record, identities=identities, event_id=_renamed("", record.event_id, copy))


def _renamed(kind: str, value: str, copy: int) -> str:
    """Return a name with the number of another person in it; those of people before the copies are below a thousand."""
    kept = _AREA if kind == "phone" else 0
    more = PEOPLE * copy
    return value[:kept] + _NUMBER.sub(lambda found: f"{int(found[0]) + more:0{len(found[0])}}", value[kept:], count=1)


def of_four(people: int) -> Iterator[bytes]:
    """Yield records of people who each state four identifiers with their customer's number."""
    for number in range(people):
        identities = [
            (CUSTOMER, f"C{number:07}"),
            ("email", f"person.{number}@example.com"),
            ("phone", f"+4930{number:09}"),
            ("device", f"d-{number:07}"),
            ("cookie", f"k-{number:07}"),
        ]
        yield encode(IdentitiesStated(identities, number, f"e{number:07}-1"))


def resident() -> int:
    """Return how many bytes of memory this process has."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) << 10 if found else 0


@click.command()
@click.argument("counts", type=int, nargs=-1)
@click.option("--restart", default=0, help="Read back what so many people with four identifiers have stated, too.")
@click.option("--step", default=0, help="Look whenever the count has grown by so many percent, and tell the most.")
def main(counts: Sequence[int], restart: int, step: int) -> None:
    """Print at each of COUNTS what an identity takes."""
    records = copied(records_of(PEOPLE))
    graph, before, began = IdentityGraph(), resident(), time.process_time()
    look_at, most = 0.0, (0.0, 0)
    for count in sorted(counts):
        while len(graph) < count:
            graph.restore(*links_of(next(records)))
            if step and len(graph) > max(look_at, min(counts)):
                look_at = len(graph) * (1 + step / 100)
                identities, size = size_of(graph)
                most = max(most, (size / identities, identities))
        identities, size = size_of(graph)
        print(
            f"{identities:,} identities: {size / identities:.1f} bytes each, of the process's memory "
            f"{(resident() - before) / identities:.0f}; read in {time.process_time() - began:.0f} s of CPU",
            flush=True,
        )
    if step:
        print(f"most at {most[1]:,}: {most[0]:.1f} bytes each")
    if restart:
        stated = list(of_four(restart))
        print(f"{restart:,} people with four identifiers each: read back in {restarted_in(stated):.1f} s of CPU")


if __name__ == "__main__":
    main()
