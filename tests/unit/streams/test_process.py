"""What a worker says at its start."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import cast

import pytest
import structlog
from structlog.testing import capture_logs

from streams.agents.services import Services
from streams.process import run
from streams.settings import load


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("", ["all", "channel", "currency"]),
        ("region,product", ["all", "channel", "currency", "product", "region"]),
        ("*", ["all", "channel", "currency", "*"]),
    ],
)
def test_a_worker_names_the_dimensions_that_metrics_are_kept_by(
    monkeypatch: pytest.MonkeyPatch, said: str, kept: list[str]
) -> None:
    monkeypatch.setattr(run, "build_streams_app", lambda *_: None)
    settings = load(metric_dimensions=said)
    # Other tests may have set up a logger that is kept, or one for warnings alone.
    structlog.reset_defaults()
    monkeypatch.setattr(run, "log", structlog.get_logger())

    with capture_logs() as logs:
        asyncio.run(run._build_worker(settings, cast(Services, None), AsyncExitStack()))

    assert [entry["dimensions"] for entry in logs] == [kept]
