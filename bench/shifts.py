"""How well customers' turns are found, and how many shifts are false: the figures of ADR 7.

    python -m bench.shifts
    python -m bench.shifts --texts tweets.csv --text text --label sentiment

The customers are simulated, and their truth says when each turned. With `--texts` each text of theirs has the score of
a real text of the same polarity, as people labelled it: what the simulator's few hundred words do not show.
"""

from __future__ import annotations

import csv
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from schemas import journey_log
from schemas.avro.jsonl import parse_line
from schemas.journey_log import Touchpoint
from schemas.units import SCALE
from streams.intake.accept import Source, accept
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.journeys.shifts import MIN_SIDE, WINDOW, find_split
from streams.sentiment import Scorer, VaderScorer
from streams.settings.sentiment import SentimentSettings
from streams.topics import TopicFinder, shipped_lists
from touchline.simulate import write_simulation

CHUNK = 500
POLAR = 0.05 * SCALE
"""A simulated text whose score is further from 0 is positive or negative."""
RUNS = 2_000
NOISE = ((0.35,), (0.5,))
DROPS = ((0.8, 0.3), (0.8, 0.35), (1.0, 0.3), (1.0, 0.35))
SIDES = (3, 5, 8)

Rescore = Callable[[int], int | None]
"""Gives a text another score than its own."""


@dataclass(frozen=True)
class Turn:
    """A lasting change of a customer's mood, or a shift that was reported.

    Attributes:
        place: the number of the observation at which it begins, of those of its customer.
        is_worse: its direction.
    """

    place: int
    is_worse: bool


@dataclass
class Found:
    """What was found of some customers' turns.

    Attributes:
        turns: those with at least `MIN_SIDE` observations on each side, up to the turns before and after.
        found: of these, those that are reported; exact: at their first observation.
        reported, right: shifts in all, and those that are a turn.
        quiet: customers without a turn; alarmed: those of them with a shift.
    """

    turns: int = 0
    found: int = 0
    exact: int = 0
    reported: int = 0
    right: int = 0
    quiet: int = 0
    alarmed: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Found)))

    def __str__(self) -> str:
        return (
            f"recall {_share(self.found, self.turns)} of {self.turns}, exact {_share(self.exact, self.found)}, "
            f"precision {_share(self.right, self.reported)}, "
            f"{1000 * self.alarmed / max(1, self.quiet):.1f} false of 1,000 quiet customers"
        )


def match(turns: Sequence[Turn], shifts: Sequence[Turn], observations: int) -> Found:
    """Hold one customer's shifts against the turns: a shift may begin from the turn before on, to the one after.

    Args:
        turns, shifts: in order of time.
        observations: how many the customer has.
    """
    found = Found(reported=len(shifts), quiet=int(not turns), alarmed=int(not turns and bool(shifts)))
    left = list(shifts)
    starts = [0, *(turn.place for turn in turns), observations]
    for number, turn in enumerate(turns, 1):
        before, until = starts[number - 1], starts[number + 1]
        own = [one for one in left if one.is_worse == turn.is_worse and before < one.place < until]
        can_be_seen = min(turn.place - before, until - turn.place) >= MIN_SIDE
        found.turns += can_be_seen
        if own:
            best = min(own, key=lambda one: abs(one.place - turn.place))
            left.remove(best)
            found.right += 1
            found.found += can_be_seen
            found.exact += can_be_seen and best.place == turn.place
    return found


def find_in_shop(customers: int, days: int, seed: int, rescore: Rescore | None) -> Found:
    """Play a simulated shop through the stages that find shifts."""
    with tempfile.TemporaryDirectory(prefix="touchline-shifts-") as folder:
        lines = Path(folder) / "shop.jsonl"
        write_simulation(customers, days, seed, lines)
        truth = json.loads(lines.with_name("shop.truth.json").read_text())
        rows = _play(lines, rescore)
    observed = _observed(rows["touchpoints"])
    turns, shifts = defaultdict[str, list[Turn]](list), defaultdict[str, list[Turn]](list)
    for told in sorted(truth["mood_turns"], key=lambda one: str(one["onset_at"])):
        places = observed.get(told["customer_id"], {})
        if told["onset_event_id"] in places:
            turns[told["customer_id"]].append(Turn(places[told["onset_event_id"]], told["direction"] == "worse"))
    for row in sorted(rows["sentiment_shifts"], key=lambda one: int(one.onset_at)):
        shifts[row.customer_id].append(Turn(observed[row.customer_id][row.onset_event_id], row.direction == "worse"))
    return sum(
        (match(turns[name], shifts[name], max(places.values()) + 1) for name, places in observed.items()), Found()
    )


def _play(lines: Path, rescore: Rescore | None) -> dict[str, list[Any]]:
    """Return the rows of touchpoints and shifts as they are in the end."""
    scorer, finder, partition = VaderScorer(), TopicFinder(shipped_lists()), Partition(0, 1, Rules())
    rows: dict[str, dict[object, Any]] = {"touchpoints": {}, "sentiment_shifts": {}}
    for offset, line in enumerate(lines.read_bytes().splitlines()):
        kind, record = parse_line(line)
        source = Source(task=0, topic="t", partition=0, offset=offset, received_at=record["occurred_at"])
        accepted = accept(kind, record, source, now=1 << 52, scorer=scorer, finder=finder)
        if isinstance(accepted, Touchpoint):
            score = accepted.sentiment
            if rescore is not None and score is not None:
                score = rescore(score)
            at = accepted.occurred_at
            data = journey_log.encode(replace(accepted, sentiment=score, watermark=at, received_at=at))
            partition.apply(offset, journey_log.decode(data), data)
        if offset % CHUNK == 0:
            _keep(partition, rows)
    _keep(partition, rows)
    shifts = [row for row in rows["sentiment_shifts"].values() if not row.deleted]
    return {"touchpoints": list(rows["touchpoints"].values()), "sentiment_shifts": shifts}


def _keep(partition: Partition, rows: Mapping[str, dict[object, Any]]) -> None:
    facts: dict[str, list[Any]] = dict(partition.flush().facts)
    for row in facts.get("touchpoints", ()):
        rows["touchpoints"][row.event_id] = row
    for row in facts.get("sentiment_shifts", ()):
        rows["sentiment_shifts"][row.customer_id, row.shift_id] = row


def _observed(touchpoints: Sequence[Any]) -> dict[str, dict[str, int]]:
    """Number each customer's observations in order of time, by event id; all answers of a response are one."""
    observed: dict[str, dict[str, int]] = defaultdict(dict)
    responses: dict[tuple[str, str], int] = {}
    for row in sorted(touchpoints, key=lambda one: int(one.occurred_at)):
        if row.experience is None:
            continue
        places = observed[row.customer_id]
        place = max(places.values(), default=-1) + 1
        if row.kind == "survey_answer":
            place = responses.setdefault((row.customer_id, row.subject_id), place)
        places[row.event_id] = place
    return observed


def read_scores(file: Path, text: str, label: str, scorer: Scorer) -> dict[str, list[int | None]]:
    """Return the scores of labelled texts by label: positive, negative or neutral."""
    scores = defaultdict[str, list[int | None]](list)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            scores[row[label]].append(scorer.score(row[text]))
    return scores


def as_real(scores: Mapping[str, Sequence[int | None]], seed: int) -> Rescore:
    """Return what gives a text the score of a real one of its polarity."""
    chance = random.Random(seed)

    def rescore(score: int) -> int | None:
        name = "positive" if score > POLAR else "negative" if score < -POLAR else "neutral"
        return chance.choice(scores[name])

    return rescore


def _reported(chance: random.Random, levels: Sequence[float], spread: float) -> Iterator[tuple[int, int]]:
    """Yield where shifts begin in normal noise about some levels, cut to -1 .. 1, and how many values found them."""
    values = [round(SCALE * max(-1.0, min(1.0, chance.gauss(level, spread)))) for level in levels]
    start = 0
    for end in range(1, len(values) + 1):
        start = max(start, end - WINDOW)
        if split := find_split(values[start:end]):
            start += split
            yield start, end


def _print_noise() -> None:
    chance = random.Random(1)
    for (spread,) in NOISE:
        alarms = sum(any(True for _ in _reported(chance, [0.1] * 30, spread)) for _ in range(RUNS))
        print(f"30 observations, no change, spread {spread}: {alarms / RUNS:.1%} reported")
    for drop, spread in DROPS:
        for side in SIDES:
            levels = [drop / 2] * side + [-drop / 2] * side
            found = [one[0] for _ in range(RUNS) if (one := list(_reported(chance, levels, spread)))]
            near = sum(abs(place - side) <= 1 for place, _ in found)
            print(
                f"{side} and {side}, a drop of {drop}, spread {spread}: {len(found) / RUNS:.0%} reported, after "
                f"{sum(end - side for _, end in found) / max(1, len(found)):.1f} observations, "
                f"onset within one {_share(near, len(found))}"
            )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


@click.command()
@click.option("--customers", default=400, show_default=True, help="Simulated customers of each shop.")
@click.option("--days", default=[45, 90], multiple=True, show_default=True, help="Days of a shop.")
@click.option("--seeds", default=12, show_default=True, help="Shops of each length.")
@click.option("--seed", default=1, show_default=True, help="Of the first; each of the others has the next.")
@click.option("--texts", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Labelled texts, as CSV.")
@click.option("--text", default="text", show_default=True, help="The column of the text.")
@click.option("--label", default="sentiment", show_default=True, help="The column of its label.")
@click.option("--model", default="", help="The model that scores them beside the rules: `base`, or a file.")
def main(  # noqa: PLR0913, PLR0917  # one for each option
    customers: int, days: tuple[int, ...], seeds: int, seed: int, texts: Path | None, text: str, label: str, model: str
) -> None:
    """Print what is found of normal noise, and of simulated customers."""
    _print_noise()
    scorer = SentimentSettings(sentiment_model=model).scorer_for(())
    scores = None if texts is None else read_scores(texts, text, label, scorer)
    for each in days:
        shops = range(seed, seed + seeds)
        found = sum((find_in_shop(customers, each, one, None) for one in shops), Found())
        print(f"{each} days, {seeds} shops of {customers}: {found}")
        if scores is not None:
            real = sum((find_in_shop(customers, each, one, as_real(scores, one)) for one in shops), Found())
            print(f"{each} days, with scores of real texts: {real}")


if __name__ == "__main__":
    main()
