"""The settings that the views follow; `touchline migrate` stores them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from schemas.contact_costs import read_contact_costs
from schemas.loyalty import read_loyalty
from schemas.targets import read_targets


class ViewSettings(BaseSettings):
    """What figures are held against, and how they are measured."""

    targets: str = Field(
        default="",
        description="shares that metrics should reach instead of the defaults: metric=share, … "
        "([targets](metrics.md#targets)); `touchline migrate` puts them into the views",
    )
    baseline: Literal["hour_of_week", "hour_of_day"] = Field(
        default="hour_of_week",
        description="which hours of the last eight weeks an hour of a metric is compared with: the same hour of the "
        "same weekday, or of every day ([levels](metrics.md#levels)); `touchline migrate` stores it for the views",
    )
    loyalty: str = Field(
        default="",
        description="how loyalty and value are measured, where it is not by default: margin=0.4,method=rfm, … "
        "([loyalty](metrics.md#loyalty)); `touchline migrate` puts them into the views",
    )

    contact_costs: str = Field(
        default="",
        description="what contacts cost, in minor units of the business's currency: call=250,case=400,hour=4200, …; "
        "`hour` is of agents' time in calls ([causes](metrics.md#causes)); `touchline migrate` stores it for the views",
    )

    @field_validator("targets")
    @classmethod
    def _check_targets(cls, value: str) -> str:
        read_targets(value)
        return value

    @field_validator("loyalty")
    @classmethod
    def _check_loyalty(cls, value: str) -> str:
        read_loyalty(value)
        return value

    @field_validator("contact_costs")
    @classmethod
    def _check_contact_costs(cls, value: str) -> str:
        read_contact_costs(value)
        return value

    @property
    def metric_targets(self) -> dict[str, float]:
        """The share that a metric should reach, by its name."""
        return read_targets(self.targets)
