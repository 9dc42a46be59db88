"""The settings of `touchline collect`, which are read with all others."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class CollectSettings(BaseSettings):
    """What the HTTP collector is set by. `streams.settings.Settings` has these fields, too."""

    collect_host: str = Field(
        default="127.0.0.1", description="address that `touchline collect` listens on; beyond loopback it needs keys"
    )
    collect_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8080, description="port that `touchline collect` listens on"
    )
    collect_keys: SecretStr | None = Field(
        default=None, description="API keys of the HTTP collector: name:key, …; a name may have several keys"
    )
    collect_keys_file: str | None = Field(
        default=None, description="file with further API keys, a name:key a line; # begins a comment"
    )
    collect_rate: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="most touchpoints a second that the HTTP collector takes by a key's name (0: any)"
    )
    collect_max_body_bytes: Annotated[int, Field(ge=1 << 10, le=256 << 20)] = Field(
        default=8 << 20, description="most bytes of a request's body, as sent and as unpacked"
    )
    collect_max_touchpoints: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1_000, description="most touchpoints of one request"
    )
    collect_queue_touchpoints: Annotated[int, Field(ge=1)] = Field(
        default=20_000, description="most touchpoints that wait for Kafka in the HTTP collector; beyond it answers 503"
    )
    collect_queue_bytes: Annotated[int, Field(ge=1 << 10)] = Field(
        default=64 << 20, description="most bytes of bodies and messages that it holds; beyond it answers 503"
    )
    collect_wait_s: Annotated[float, Field(gt=0, le=600)] = Field(
        default=10.0, description="most seconds that a request waits for Kafka to acknowledge; then it is answered 503"
    )
    collect_origins: str = Field(
        default="", description="web origins that browsers may send from (CORS), as a comma list or * (default: none)"
    )
    collect_access_log: bool = Field(
        default=False, description="log every request: key's name, status, sizes and time; never what it holds"
    )
    collect_metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=9466, description="port of the HTTP collector's metrics"
    )
