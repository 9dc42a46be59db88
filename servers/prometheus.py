"""Prometheus, which scrapes what a test serves."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from servers.programs import find_program
from servers.server import Server
from touchline.stack.child import Child
from touchline.stack.ports import HOST, free_port

HOW_TO_INSTALL = "install Debian's package prometheus"

CONFIG = """
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
  evaluation_interval: 500ms
rule_files: {rules}
scrape_configs:
  - job_name: touchline
    static_configs:
      - targets: {targets}
"""


class Prometheus(Server):
    """A Prometheus that scrapes `targets` (host:port) and evaluates `rules` (files), often.

    Attributes:
        url: its HTTP API.
    """

    START_S = 30.0

    def __init__(self, folder: Path, targets: list[str], rules: list[Path]) -> None:
        """Prepare a server with its data and log in `folder`; `start` runs it."""
        program = find_program("prometheus", HOW_TO_INSTALL)
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        config = folder / "prometheus.yml"
        files = json.dumps([str(rule.absolute()) for rule in rules])
        config.write_text(CONFIG.format(targets=json.dumps(targets), rules=files))
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
