"""`touchline topics`: lists, creates or checks the topics."""

from __future__ import annotations

import asyncio

import click

from streams import settings
from streams.kafka.admin import create_topics
from touchline.errors import CommandError
from touchline.terminal import say
from touchline.topic_states import TopicState, topic_states


@click.command()
@click.option(
    "--create", is_flag=True, help="Create the topics that are missing, if those that are there fit; change none."
)
@click.option("--check", is_flag=True, help="Exit with status 1 unless all are as they should be.")
def command(create: bool, check: bool) -> None:
    """List the topics: name, partitions, and whether they are there."""
    configured = settings.load()
    if create:
        made = asyncio.run(create_topics(configured)).made
        say(f"created {len(made)} topics", err=True)
    states = asyncio.run(topic_states(configured))
    width = max(len(state.name) for state in states.topics)
    for state in states.topics:
        say(_line(state, width))
    for advice in states.advice:
        say(advice, err=True)
    wrong = [state for state in states.topics if state.problem]
    if check and wrong:
        raise CommandError(f"{len(wrong)} of {len(states.topics)} topics are not as they should be")


def _line(state: TopicState, width: int) -> str:
    partitions = "-" if state.partitions is None else str(state.partitions)
    return f"{state.name:{width}}  {partitions:>4}  {state.problem or 'there'}"
