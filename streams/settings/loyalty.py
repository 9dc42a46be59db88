"""The setting by which the views measure loyalty and value."""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from schemas.loyalty import read_loyalty


class LoyaltySettings(BaseSettings):
    """How loyalty and value are measured."""

    loyalty: str = Field(
        default="",
        description="how loyalty and value are measured, where it is not by default: margin=0.4,method=rfm, … "
        "([loyalty](metrics.md#loyalty)); `touchline migrate` puts them into the views",
    )

    @field_validator("loyalty")
    @classmethod
    def _check_loyalty(cls, value: str) -> str:
        read_loyalty(value)
        return value
