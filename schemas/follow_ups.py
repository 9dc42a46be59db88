"""Follow-ups: for which reasons somebody should get back to a customer, by when, and who; settings in TOML."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, get_args

import msgspec

from schemas.errors import TouchlineError
from schemas.toml import TomlError, read_toml
from schemas.units import DAY_MS, HOUR_MS, MINUTE_MS

Reason = Literal["poor_answer", "worse", "complaint", "abandoned_call", "unanswered_post", "thank_you"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Why somebody should get back to a customer. Of each a customer has at most one follow-up that is not closed."""

LONGEST_DAYS = 30
"""A follow-up expires so long after its cause."""
_DAYS = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_DAYS - 2)]
_MINUTES = Annotated[int, msgspec.Meta(ge=0, le=(LONGEST_DAYS - 2) * 24 * 60)]
_HOURS = Annotated[int, msgspec.Meta(ge=0, le=(LONGEST_DAYS - 2) * 24)]
_SOME_HOURS = Annotated[int, msgspec.Meta(ge=1, le=(LONGEST_DAYS - 2) * 24)]
_AMOUNT = Annotated[int, msgspec.Meta(ge=0)]
_ASK_DAYS = Annotated[int, msgspec.Meta(ge=1, le=3_650)]
_ASKS = Annotated[int, msgspec.Meta(ge=0, le=20)]


class FollowUpError(TouchlineError):
    """Settings of follow-ups that do not hold; the message says which key or line, what, and how to write it."""


class Deadlines(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether and when follow-ups of one reason open, and by when something has to be done; all counted from the cause.

    Attributes:
        enabled: whether there are such follow-ups.
        opens_after_minutes: it opens if the customer has been left alone for so long.
        contact_hours: within how many hours somebody has to get to the customer.
        settle_days: within how many days it has to be settled; 0 for no such deadline.
        warn_hours: how long before the end of `contact_hours` it warns, but not before it opens; 0 for no warning.
    """

    enabled: bool = True
    opens_after_minutes: _MINUTES = 0
    contact_hours: _SOME_HOURS = 24
    settle_days: _DAYS = 4
    warn_hours: _HOURS = 4

    @property
    def opens_after_ms(self) -> int:
        """When it opens, ms after its cause."""
        return self.opens_after_minutes * MINUTE_MS

    @property
    def due_ms(self) -> int:
        """By when somebody has to get to the customer, ms after the cause."""
        return self.contact_hours * HOUR_MS

    @property
    def settle_ms(self) -> int | None:
        """By when it has to be settled, ms after the cause; None without such a deadline."""
        return self.settle_days * DAY_MS or None


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who does the follow-ups that fit all that is named here; what is not named fits everything.

    Attributes:
        owner: a name of the business's own.
        languages: of posts, as `de`; `de-AT` fits that, too.
        min_spend_minor: what the customer has spent at least, in the currency of their first order.
    """

    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    reasons: tuple[Reason, ...] | None = None
    topics: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    min_spend_minor: _AMOUNT = 0
    channels: tuple[str, ...] | None = None

    def fits(self, reason: str, topic: str, lang: str, spend_minor: int, channel: str) -> bool:
        """Return whether these are follow-ups of this owner's."""
        named = ((self.reasons, reason), (self.topics, topic), (self.channels, channel))
        return (
            spend_minor >= self.min_spend_minor
            and all(values is None or value in values for values, value in named)
            and (self.languages is None or any(_speaks(lang, one) for one in self.languages))
        )


def _speaks(lang: str, wanted: str) -> bool:
    """Return whether a language is the wanted one, or a part of it: `de-AT` is `de`."""
    tag, wanted = lang.lower().replace("_", "-"), wanted.lower()
    return tag == wanted or tag.startswith(f"{wanted}-")


USUAL: Mapping[Reason, Deadlines] = {
    "poor_answer": Deadlines(),
    "worse": Deadlines(),
    "complaint": Deadlines(),
    "abandoned_call": Deadlines(opens_after_minutes=30),
    "unanswered_post": Deadlines(opens_after_minutes=4 * 60),
    "thank_you": Deadlines(contact_hours=7 * 24, settle_days=0, warn_hours=0),
}
"""What holds of a reason where the settings say nothing else."""


class FollowUpRules(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of follow-ups.

    Attributes:
        ask_days, asks: a customer may be asked for something if that was done less than `asks` times in so many days.
        reasons: the deadlines of each reason, of all of them.
        owners: the first that fits does it.
    """

    ask_days: int = 90
    asks: int = 2
    reasons: Mapping[Reason, Deadlines] = msgspec.field(default_factory=lambda: dict(USUAL))
    owners: tuple[Owner, ...] = ()

    @property
    def ask_ms(self) -> int:
        """`ask_days` as ms."""
        return self.ask_days * DAY_MS

    def owner_of(self, reason: str, topic: str, lang: str, spend_minor: int, channel: str) -> str:
        """Return who does a follow-up, "" where no owner fits."""
        for owner in self.owners:
            if owner.fits(reason, topic, lang, spend_minor, channel):
                return owner.owner
        return ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    ask_days: _ASK_DAYS = 90
    asks: _ASKS = 2
    reasons: dict[str, object] = {}
    owners: tuple[Owner, ...] = ()


def read_follow_ups(text: str) -> FollowUpRules:
    """Return the settings of a TOML file's text.

    Raises:
        FollowUpError: they do not hold.
    """
    try:
        said = read_toml(text)
    except TomlError as error:
        raise FollowUpError(str(error)) from None
    _check_names(said, text)
    try:
        file = msgspec.convert(said, _File)
        reasons = {reason: _deadlines(reason, file.reasons.get(reason, {})) for reason in REASONS}
    except msgspec.ValidationError as error:
        raise FollowUpError(_explained(str(error))) from None
    return FollowUpRules(ask_days=file.ask_days, asks=file.asks, reasons=reasons, owners=file.owners)


def _deadlines(reason: Reason, said: object) -> Deadlines:
    usual = msgspec.to_builtins(USUAL[reason])
    try:
        found = msgspec.convert(usual | msgspec.convert(said, dict[str, object]), Deadlines)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise msgspec.ValidationError(f"{what} - at `$.reasons.{reason}{where}") from None
    if found.opens_after_minutes >= found.contact_hours * 60:
        raise FollowUpError(f"reasons.{reason}: it would open when it is due; let opens_after_minutes be less")
    return found


def _check_names(said: Mapping[str, object], text: str) -> None:
    """Check that every key, and every reason, has a name that is known.

    Raises:
        FollowUpError: one has not.
    """
    _check_known(said, _File.__struct_fields__, "", "key", text)
    reasons, owners = said.get("reasons"), said.get("owners")
    if isinstance(reasons, dict):
        _check_known(reasons, REASONS, "reasons.", "reason", text)
        for reason, deadlines in reasons.items():
            if isinstance(deadlines, dict):
                _check_known(deadlines, Deadlines.__struct_fields__, f"reasons.{reason}.", "key", text)
    for number, owner in enumerate(owners if isinstance(owners, list) else ()):
        if isinstance(owner, dict):
            _check_known(owner, Owner.__struct_fields__, f"owners[{number}].", "key", text)
            named = owner.get("reasons")
            if isinstance(named, list):
                _check_known(filter(_is_text, named), REASONS, f"owners[{number}].reasons: ", "reason", text)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _check_known(names: Iterable[str], known: Iterable[str], where: str, what: str, text: str) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]
            raise FollowUpError(f"{_line_of(name, text)}{where}{name}: there is no such {what}; did you mean {near}?")


def _line_of(name: str, text: str) -> str:
    """Return where a name first stands, "" where it is not written as it is meant."""
    for number, line in enumerate(text.splitlines(), start=1):
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line.partition("#")[0]):
            return f"line {number}: "
    return ""


def _explained(error: str) -> str:
    """Return what a value has to be, with its key in front."""
    what, _, where = error.partition(" - at `$")
    return f"{where.strip('`.')}: {what}" if where else what
