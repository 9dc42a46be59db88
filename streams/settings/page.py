"""The settings of `touchline page`, which are read with all others."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class PageSettings(BaseSettings):
    """What the page is set by. `streams.settings.Settings` has these fields, too."""

    page_host: str = Field(
        default="127.0.0.1", description="address that `touchline page` listens on; beyond loopback it needs a token"
    )
    page_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8090, description="port that `touchline page` listens on"
    )
    page_token: SecretStr | None = Field(
        default=None, description="secret of 16 characters or more that readers of the page log in with"
    )
