"""The project's alerting rules, and the same rules with all their times divided by one factor."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"

_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(?<![\w.])(\d+)(ms|s|m|h|d)\b")
_TIMED_KEYS = ("for", "keep_firing_for")
_QUOTED = re.compile(r'"[^"]*"')
_COMMENT = re.compile(r"#[^\n]*")
_READ = re.compile(r"(?:\b(\w+)\s*\(\s*)?\b(touchline_\w+|up)\b")
"""A series, and the function that is called on it, if any."""
_COUNTING = {"changes", "resets", "rate", "increase", "count_over_time"}
"""Functions whose result is not in the unit of their argument."""
_NUMBER = re.compile(r"(?:(==|!=|>=|<=|>|<)\s*)?(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])")


class UnscalableRuleError(Exception):
    """A rule holds a number of which nobody can say whether it is a time."""


def load_rules(path: Path = RULES) -> dict[str, Any]:
    """Return a file of rules."""
    rules: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return rules


def names_of(rules: dict[str, Any]) -> list[str]:
    """Return the names of all alerts, in order."""
    return [rule["alert"] for group in rules["groups"] for rule in group["rules"]]


def scaled(rules: dict[str, Any], factor: float) -> dict[str, Any]:
    """Return rules all of whose times are divided by a factor: `for`, ranges, offsets, thresholds in seconds.

    A threshold is in seconds where the series before it is: its name ends in `_seconds`, and no function on it counts.

    Raises:
        UnscalableRuleError: a number is neither a duration nor compared with anything; the message says which.
    """
    result = deepcopy(rules)
    for group in result["groups"]:
        if "interval" in group:
            group["interval"] = _scaled_durations(group["interval"], factor)
        for rule in group["rules"]:
            for key in _TIMED_KEYS:
                if key in rule:
                    rule[key] = _scaled_durations(rule[key], factor)
            rule["expr"] = _scaled_expression(rule["alert"], rule["expr"], factor)
    return result


def write_rules(rules: dict[str, Any], path: Path) -> Path:
    """Write rules for Prometheus, which reads JSON as the YAML that it is; return the path."""
    path.write_text(json.dumps(rules, indent=1), "utf-8")
    return path


def _scaled_expression(alert: str, expression: str, factor: float) -> str:
    # What is in quotes holds neither times nor thresholds.
    quoted = _QUOTED.findall(expression)
    bare = _COMMENT.sub("", _QUOTED.sub('""', expression))

    def scale_number(found: re.Match[str]) -> str:
        comparison, number = found.groups()
        if float(number) == 0:
            return found.group()
        if comparison is None:
            raise UnscalableRuleError(
                f"{alert}: {number} is no duration and compared with nothing, so nobody knows whether it is a time. "
                "Write it as a duration, or compare a series with it"
            )
        if not _is_in_seconds(bare[: found.start()]):
            return found.group()
        return f"{comparison} {float(number) / factor:g}"

    parts = iter(quoted)
    return re.sub('""', lambda _: next(parts), _scaled_durations(_NUMBER.sub(scale_number, bare), factor))


def _is_in_seconds(before: str) -> bool:
    """Return whether what stands last before a comparison is in seconds."""
    reads = _READ.findall(before)
    if not reads:
        return False
    function, series = reads[-1]
    return series.endswith("_seconds") and function not in _COUNTING


def _scaled_durations(text: str, factor: float) -> str:
    def scale(found: re.Match[str]) -> str:
        milliseconds = round(int(found[1]) * _MS[found[2]] / factor)
        if milliseconds < 1:
            raise UnscalableRuleError(f"{found[0]} divided by {factor:g} is less than a millisecond: divide by less")
        return f"{milliseconds}ms"

    return _DURATION.sub(scale, text)
