"""The places where bytes of others come in, by name."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets.collect import Bodies
from tests.fuzz.targets.held import Carries, Renames
from tests.fuzz.targets.identity import Identifiers
from tests.fuzz.targets.journeys import Facts, Folds, Log, Moves, Robots, State
from tests.fuzz.targets.kafka import Batches, Notes
from tests.fuzz.targets.letters import Letters
from tests.fuzz.targets.links import Links, Subjects
from tests.fuzz.targets.messages import Intake, Json, Lines, Writers
from tests.fuzz.targets.models import Models
from tests.fuzz.targets.notify import Notices
from tests.fuzz.targets.pseudonyms import Pseudonymised
from tests.fuzz.targets.strangers import Http, Registry
from tests.fuzz.targets.text import Texts

TARGETS: dict[str, type[Target]] = {
    "intake": Intake,
    "identity": Identifiers,
    "pseudonyms": Pseudonymised,
    "links": Links,
    "subjects": Subjects,
    "renames": Renames,
    "writers": Writers,
    "json": Json,
    "lines": Lines,
    "collect": Bodies,
    "registry": Registry,
    "http": Http,
    "log": Log,
    "robots": Robots,
    "moves": Moves,
    "carries": Carries,
    "folds": Folds,
    "facts": Facts,
    "letters": Letters,
    "notes": Notes,
    "notify": Notices,
    "state": State,
    "batches": Batches,
    "models": Models,
    "text": Texts,
}
