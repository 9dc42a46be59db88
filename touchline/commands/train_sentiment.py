"""`touchline train-sentiment`: learns how an operator's customers write, and writes the model that workers load."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from streams import settings
from streams.sentiment import Example, Figures, Trained, VaderScorer, shipped_model, train
from streams.sentiment.training import FEWEST_WITH_NGRAM, NOTHING
from streams.settings.files import FILE_BYTES
from touchline.errors import CommandError
from touchline.labelled_texts import read_csv, read_json_lines
from touchline.stored_texts import read_stored
from touchline.terminal import Steps, progress_console, result_console, say
from touchline.training import lines_of, tell_bad_lines, write_model


@click.command()
@click.option(
    "--data",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="JSON lines as `touchline publish` takes them, or FILE.csv; - for JSON on standard input. May be given again.",
)
@click.option("--clickhouse", is_flag=True, help="Learn from the texts in the tables of TOUCHLINE_CLICKHOUSE, too.")
@click.option("--text", metavar="COLUMN", help="The column of texts in CSV; by default `text`, or another usual name.")
@click.option("--label", metavar="COLUMN", help="The column of labels in CSV, if people gave any.")
@click.option("--base/--no-base", default=True, help="Begin with the base model that ships.")
@click.option(
    "--fewest",
    default=FEWEST_WITH_NGRAM,
    show_default=True,
    type=click.IntRange(2),
    help="Different texts that words have to be in to be learned, and to be in the file.",
)
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where the model goes; TOUCHLINE_SENTIMENT_MODEL names it to the workers.",
)
def command(
    files: tuple[Path, ...],
    clickhouse: bool,
    text: str | None,
    label: str | None,
    base: bool,
    fewest: int,
    out: Path,
) -> None:
    """Learn from texts how customers praise and complain, and write the model to FILE.

    It learns from what the rules are sure of, from stars and survey scores beside texts, and from labels (in JSON, the
    field `label`: negative, neutral or positive). A model that is worse than the rules is not written.
    """
    if not files and not clickhouse:
        raise click.UsageError("say what to learn from: --data FILE, or --clickhouse")
    configured = settings.load()
    scorer = VaderScorer(configured.company_names)
    with Steps(progress_console()) as steps:
        steps.begin("reading texts")
        examples = [example for file in files for example in _read(file, text, label)]
        if clickhouse:
            examples += read_stored(configured.clickhouse).examples
        if not examples:
            raise CommandError('there is no text to learn from; write lines as {"text": "Where is my parcel?"}')
        steps.begin("learning, and scoring texts held out")
        trained = train(examples, scorer, shipped_model() if base else NOTHING, fewest, steps.show)
    _tell(trained)
    written = trained.model.text()
    if len(written.encode()) > FILE_BYTES:
        raise CommandError(
            f"its file would have more than {FILE_BYTES >> 20} MiB: learn fewer n-grams, by a greater --fewest"
        )
    write_model(out, written)
    say(f"{out}: {trained.model.name}; set TOUCHLINE_SENTIMENT_MODEL to it, and start the workers again")


def _read(file: Path, text: str | None, label: str | None) -> list[Example]:
    if file.suffix.lower() == ".csv":
        return read_csv(file, text, label)
    found = read_json_lines(lines_of(file))
    tell_bad_lines(found.bad, f"{file}: ")
    return found.examples


def _tell(trained: Trained) -> None:
    say(f"{trained.texts:,} different texts, {trained.labelled:,} of them with a label, stars or a score")
    say(f"learned: {len(trained.model.weights):,} n-grams, those of the base among them")
    if trained.agreement is not None:
        say(f"texts held out: its n-grams alone have the sign of rules that are sure in {trained.agreement:.1%}")
    if trained.rules is None or trained.held_out is None:
        return
    table = Table("labelled texts held out", "sign", "both sides", "macro-F1", "accuracy", box=None)
    table.add_row("the rules", *_cells(trained.rules))
    table.add_row("with the model", *_cells(trained.held_out))
    result_console().print(table)


def _cells(figures: Figures) -> list[str]:
    return [f"{each:.3f}" for each in (figures.sign, figures.both, figures.macro_f1, figures.accuracy)]
