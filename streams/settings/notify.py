"""The settings of `touchline notify`, which are read with all others."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings


class NotifySettings(BaseSettings):
    """What the deliverer of signals is set by. `streams.settings.Settings` has these fields, too."""

    notify: str = Field(
        default="",
        description="file (TOML) of the targets that `touchline notify` delivers signals to "
        "([targets](notify.md#the-file-of-targets))",
    )
    notify_give_up_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=900.0,
        description="seconds for which a target may fail before what it has not taken goes to the dead letters of "
        "`touchline notify`",
    )
    notify_timeout_s: Annotated[float, Field(gt=0, le=300)] = Field(
        default=10.0, description="most seconds that one attempt to deliver may take"
    )
    notify_first_retry_s: Annotated[float, Field(gt=0, le=60)] = Field(
        default=1.0, description="seconds until a first further attempt; each next wait is twice as long"
    )
    notify_longest_retry_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0, description="seconds that the wait for a further attempt grows to"
    )
    notify_max_age_hours: Annotated[float, Field(ge=0)] = Field(
        default=72.0,
        description="age, by event time, beyond which a signal is not delivered: a first start tells nobody of what is "
        "long over (0: any age)",
    )
    notify_remember_hours: Annotated[float, Field(gt=0, le=24 * 30)] = Field(
        default=24.0, description="hours for which a delivery is remembered, so that its repeat is not delivered"
    )
    notify_queue: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000, description="most deliveries that wait for their targets; beyond it no more is read"
    )
    notify_metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=9467, description="port of the metrics of `touchline notify`"
    )
