"""Prometheus, which scrapes what a test serves."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from servers.programs import find_program
from servers.server import Server
from touchline.stack.child import Child
from touchline.stack.ports import HOST, free_port

HOW_TO_INSTALL = "install Debian's package prometheus"

INTERVAL_S = 0.5
"""How often a test's Prometheus scrapes and evaluates, if the test does not say."""


class Prometheus(Server):
    """A Prometheus that scrapes targets and evaluates rules, often.

    Attributes:
        url: its HTTP API.
    """

    START_S = 30.0

    def __init__(
        self, folder: Path, jobs: Mapping[str, Sequence[str]], rules: Sequence[Path], interval_s: float = INTERVAL_S
    ) -> None:
        """Prepare a server; `start` runs it.

        Args:
            folder: holds its data and log.
            jobs: what it scrapes (host:port), by job.
            rules: files of rules.
            interval_s: how often it scrapes and evaluates, s.
        """
        program = find_program("prometheus", HOW_TO_INSTALL)
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        config = folder / "prometheus.yml"
        config.write_text(_config(jobs, rules, interval_s))
        self.process = Child(
            "prometheus",
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={HOST}:{port}",
            ],
            folder / "prometheus.log",
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the instant vector of a PromQL expression, as the HTTP API gives it."""
        question = urllib.parse.urlencode({"query": expression})
        answer: dict[str, Any] = self._get(f"/api/v1/query?{question}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def wait_for(self, expression: str, timeout_s: float = 20.0) -> list[dict[str, Any]]:
        """Wait until an expression has a result, and return it.

        Raises:
            TimeoutError: it had none in time.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if result := self.query(expression):
                return result
            time.sleep(0.1)
        raise TimeoutError(f"{expression!r} had no result after {timeout_s:g} s")

    def firing(self) -> list[dict[str, str]]:
        """Return the labels of all alerts that fire, `alertname` among them."""
        alerts = self._get("/api/v1/alerts")["data"]["alerts"]
        return [alert["labels"] for alert in alerts if alert["state"] == "firing"]

    def answers(self) -> bool:
        """Return whether the server is ready."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2):  # noqa: S310  # http, on loopback
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310  # http, on loopback
            return json.load(answer)


def _config(jobs: Mapping[str, Sequence[str]], rules: Sequence[Path], interval_s: float) -> str:
    """Return the configuration, as JSON, which is YAML."""
    interval = f"{round(interval_s * 1000)}ms"
    return json.dumps(
        {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "rule_files": [str(rule.absolute()) for rule in rules],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(targets)}]} for job, targets in jobs.items()
            ],
        }
    )
