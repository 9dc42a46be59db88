"""What the declaration of a kind consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from schemas.kinds.checks import Bounds, Record, Rule
from schemas.kinds.names import KindName
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import BusinessChangeRow, MarketingSpendRow

OTHER_ACTION = "_"
"""The second character of the step code of an action that its kind does not declare."""
MADE_OF_OWN_FIELDS = frozenset({"action", "subject_id", "value_minor", "currency"})
"""The columns of every touchpoint that hold fields of its kind; `TouchpointKind.text` names the field of another."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What all kinds have.

    Attributes:
        name: the contract's name, and that of the module which declares it.
        record: the Avro record that its topic carries; `schemas/<record>.avsc` is the schema in force.
        topic: the input topic.
        checks: what must hold of its own fields, in the order in which they are checked.
    """

    name: KindName
    record: str
    topic: str
    checks: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Action:
    """One thing that can happen to what a touchpoint is about.

    Attributes:
        name: the value of the touchpoint's `action`.
        code: one character, unique within the kind; the second one of the step code.
        rank: place among the touchpoints of a customer in one millisecond; of equal ranks the event id decides.
    """

    name: str
    code: str
    rank: int = 0


def in_order(codes: Mapping[str, str], first: int = 0) -> tuple[Action, ...]:
    """Return actions (name to code) that happen in this order, their ranks counted from `first`."""
    return tuple(Action(name, code, rank) for rank, (name, code) in enumerate(codes.items(), start=first))


@dataclass(frozen=True)
class Text:
    """Where the text of a touchpoint stands, and whose words it holds: only the customer's own are scored.

    Attributes:
        field: the record's field that holds the text, a string or null.
        by_customer: whether the words of a record are the customer's own.
        language: the record's field that names the language (BCP 47), or None where there is none.
    """

    field: str
    by_customer: Callable[[Record], bool]
    language: str | None = None


SubjectKind = Literal["case", "order", "cart", "call", "post"]
"""What a touchpoint can be about that tells whose it is."""


class Subject(NamedTuple):
    """A field that names what a record is about.

    Attributes:
        kind: what the field names.
        field: a string or null.
        within: the field with the name of the system in which it is unique, or None where it is in all.
        answered: whether it names what the record answers: anybody may, so whose that is does not follow from it.
        itself: whether it names the record itself, so that nothing else says whose that is.
    """

    kind: SubjectKind
    field: str
    within: str | None = None
    answered: bool = False
    itself: bool = False


def customer_is(name: str) -> Callable[[Record], bool]:
    """Return whether the field of this name says that the author is the customer."""
    return lambda record: record[name] == "customer"


@dataclass(frozen=True, kw_only=True)
class TouchpointKind(Kind):
    """A kind of customers' touchpoints.

    Attributes:
        struct: its record in the journeys log.
        code: one character, unique among the kinds; the first one of the step codes.
        channel: the channel where the source names none, or a rule that finds it in the record.
        actions: what `struct.action` can be. An action that is not declared has the code `OTHER_ACTION`, rank 0.
        text: its text, or None where it has none.
        columns: fields of the record that a column of every touchpoint holds under another name (one of
            `MADE_OF_OWN_FIELDS`). A field that has the name of such a column needs no line here.
        computed: fields of the struct whose value is made of the record instead of copied from it. The functions may
            raise `InvalidRecordError`.
        bounds: what these functions ask of the record's fields.
        subjects: what its records are about. One that states nobody belongs to the owner of the first that it names.
        speaks_of: what a record states that its customer speaks about; None where it states nothing, or another does.
        answers: whether a record is the business's own answer: its identifiers are its author's.
        experience: fixed weights in units of 1 / SCALE, by what happened (`Touchpoint.experience_key`, or an outcome
            that a machine of `streams.journeys` finds).
    """

    struct: type[Touchpoint]
    code: str
    channel: str | Callable[[Record], str]
    actions: tuple[Action, ...] = ()
    text: Text | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    computed: Mapping[str, Callable[[Record], object]] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=dict)
    subjects: tuple[Subject, ...] = ()
    speaks_of: Callable[[Record], str | None] | None = None
    answers: Callable[[Record], bool] | None = None
    experience: Mapping[str, int] = field(default_factory=dict)

    @property
    def view(self) -> str:
        """The view that shows every field of its records: named as the topic is."""
        return self.topic.split(".")[1]

    def column_of(self, field_name: str) -> str | None:
        """Return the column of every touchpoint that holds a field of the record; None where the kind needs its own."""
        if self.text is not None and field_name == self.text.field:
            return "text"
        column = self.columns.get(field_name, field_name)
        return column if column in MADE_OF_OWN_FIELDS else None

    @property
    def own_fields(self) -> tuple[str, ...]:
        """The fields of the struct that no column of every touchpoint holds, in its order: new ones come last."""
        common = Touchpoint.__struct_fields__
        return tuple(
            name for name in self.struct.__struct_fields__ if name not in common and self.column_of(name) is None
        )

    def channel_of(self, record: Record) -> str:
        """Return the channel of a record whose source names none."""
        return self.channel if isinstance(self.channel, str) else self.channel(record)


@dataclass(frozen=True, kw_only=True)
class BusinessKind(Kind):
    """A kind that concerns no customer: its records are rows of a table.

    Attributes:
        row: the table's row; its fields are those of the record, and `version`.
    """

    row: type[BusinessChangeRow | MarketingSpendRow]
