"""Who comes back, what campaigns brought, and who is stuck where: built of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from touchline.report.estimates import RowDict


@dataclass(frozen=True)
class Cohort:
    """Customers whose first order was in one month, and what share of them bought in each month after it."""

    month: str
    currency: str
    customers: int
    retention: list[float]


@dataclass(frozen=True)
class Buyers:
    """Of those who looked in a month, how many bought, and for how much, by currency in minor units."""

    looked: int
    bought: int
    revenue: dict[str, int]


@dataclass(frozen=True)
class Returning:
    """The cohorts, the newest first, and who bought in the last month: existing customers, and others."""

    cohorts: list[Cohort]
    month: str
    existing: Buyers
    new: Buyers


@dataclass(frozen=True)
class Campaign:
    """What a campaign cost in a currency, whom it brought, and what these have spent so far; money in minor units."""

    name: str
    currency: str
    spent_minor: int
    new_customers: int
    brought_minor: float
    value_to_cost: float | None


@dataclass(frozen=True)
class Stuck:
    """A step at which customers stand for longer than nine in ten did.

    Attributes:
        standing, stuck: customers who stand there, and those of them who are stuck.
        usual: nine in ten went on within so many seconds.
        longest: seconds that the one stands there who has done so for longest.
    """

    kind: str
    action: str
    standing: int
    stuck: int
    usual: float
    longest: float


@dataclass(frozen=True)
class Worth:
    """A customer who is stuck, and the value of what they have bought, in minor units."""

    customer_id: str
    value_minor: int
    currency: str


@dataclass(frozen=True)
class Value:
    """Who comes back, what campaigns brought, and who is stuck: the steps with the most, and whoever is worth most."""

    returning: Returning
    campaigns: list[Campaign]
    stuck: list[Stuck]
    worth_most: list[Worth]


def build_returning(cohorts: Iterable[RowDict], buyers: Iterable[RowDict]) -> Returning:
    """Return who comes back, of rows a cohort, and one row each of existing and of new customers."""
    rows = {bool(row["existing"]): row for row in buyers}
    return Returning(
        cohorts=[
            Cohort(
                month=str(row["month"]),
                currency=str(row["currency"]),
                customers=int(row["customers"]),
                retention=[float(share) for share in row["retention"]],
            )
            for row in cohorts
        ],
        month=next((str(row["month"]) for row in rows.values()), ""),
        existing=_buyers(rows.get(True)),
        new=_buyers(rows.get(False)),
    )


def _buyers(row: RowDict | None) -> Buyers:
    if row is None:
        return Buyers(0, 0, {})
    revenue = {str(currency): int(amount) for currency, amount in row["revenue"].items() if int(amount)}
    return Buyers(int(row["looked"]), int(row["bought"]), revenue)


def build_campaigns(rows: Iterable[RowDict]) -> list[Campaign]:
    """Return the campaigns, in the order of their rows."""
    return [
        Campaign(
            name=str(row["campaign"]),
            currency=str(row["currency"]),
            spent_minor=int(row["spent_minor"]),
            new_customers=int(row["new_customers"]),
            brought_minor=float(row["customers_value_minor"]),
            value_to_cost=None if row["value_to_cost"] is None else float(row["value_to_cost"]),
        )
        for row in rows
    ]


def build_stuck(rows: Iterable[RowDict]) -> list[Stuck]:
    """Return the steps at which customers are stuck, in the order of their rows."""
    found = []
    for row in rows:
        kind, _, action = str(row["step"]).partition(":")
        found.append(
            Stuck(kind, action, int(row["standing"]), int(row["stuck"]), float(row["usual"]), float(row["longest"]))
        )
    return found


def build_worth(rows: Iterable[RowDict]) -> list[Worth]:
    """Return customers, in the order of their rows."""
    return [Worth(str(row["customer_id"]), int(row["value_minor"]), str(row["currency"])) for row in rows]
