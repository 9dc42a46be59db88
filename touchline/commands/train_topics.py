"""`touchline train-topics`: learns from texts what customers speak about, and writes the model that workers load."""

from __future__ import annotations

from pathlib import Path

import click

from streams import settings
from streams.topics import PRECISION, Agreement, Trained, train
from touchline.errors import CommandError
from touchline.learning_texts import read_texts
from touchline.terminal import say
from touchline.training import lines_of, tell_bad_lines, write_model


@click.command()
@click.option(
    "--data",
    "files",
    required=True,
    multiple=True,
    metavar="FILE.jsonl",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="Lines of JSON with a `text`, and perhaps `lang` and `labels`; - for standard input. May be given again.",
)
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where the model goes; TOUCHLINE_TOPIC_MODEL names it to the workers.",
)
@click.option(
    "--precision",
    default=PRECISION,
    show_default=True,
    type=click.FloatRange(0.3, 0.99),
    help="The share of the topics it names that has to be right, on texts that it has not learned from.",
)
def command(files: tuple[Path, ...], out: Path, precision: float) -> None:
    """Learn topics from texts, where the word lists are sure of them or labels say them, and write the model to FILE.

    The lists are those of TOUCHLINE_TOPIC_WORDS. A model that is worse than they are alone is not written.
    """
    lists = settings.load().topic_lists()
    texts = read_texts(line for file in files for line in lines_of(file))
    tell_bad_lines(texts.bad)
    if not texts.examples:
        raise CommandError('no line has a text; write lines as {"text": "Where is my parcel?"}')
    trained = train(texts.examples, lists, precision)
    _tell(trained)
    write_model(out, trained.model.text())
    say(f"{out}: {trained.model.name}; set TOUCHLINE_TOPIC_MODEL to it, and start the workers again")


def _tell(trained: Trained) -> None:
    model, held_out = trained.model, trained.held_out
    say(f"{trained.texts:,} different texts; the word lists find topics in {trained.by_lists:,}")
    say(f"learned {len(model.topics)} topics from {trained.taught:,} of them: {len(model.weights):,} n-grams")
    of = (
        "texts with labels of which the lists know nothing" if trained.labelled else "texts, the lists' words taken out"
    )
    say(f"held out, {held_out.texts:,} {of}:")
    say(
        f"  it names a topic of {held_out.named:,} (from a probability of {model.threshold} on), "
        f"{held_out.precision:.1%} of them right; the commonest topic has {held_out.commonest / held_out.texts:.1%}"
    )
    if trained.lists is not None and trained.both is not None:
        say("held out, all texts with labels:")
        say(f"  the lists alone  {_figures(trained.lists)}")
        say(f"  with the model   {_figures(trained.both)}")


def _figures(agreement: Agreement) -> str:
    return f"precision {agreement.precision:.3f}  recall {agreement.recall:.3f}  F1 {agreement.f1:.3f}"
