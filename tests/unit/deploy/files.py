"""Where the files of deploy/ are, and how the tests read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


def load(path: Path) -> Any:
    """Return what a YAML file of one document says."""
    return yaml.safe_load(path.read_text("utf-8"))


def load_all(path: Path) -> list[dict[str, Any]]:
    """Return all documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))
