"""Rules are scaled whole: no time in them stays, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.alert_rules import UnscalableRuleError, load_rules, names_of, scaled


def rules_with(expression: str, **more: str) -> dict[str, Any]:
    return {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expression, **more}]}]}


def scaled_expression(expression: str, factor: float = 60) -> str:
    expr: str = scaled(rules_with(expression), factor)["groups"][0]["rules"][0]["expr"]
    return expr


@pytest.mark.parametrize(
    ("expression", "by_sixty"),
    [
        ("rate(touchline_a_total[5m]) > 0", "rate(touchline_a_total[5000ms]) > 0"),
        ("rate(touchline_a_total[15m]) > 0.01", "rate(touchline_a_total[15000ms]) > 0.01"),
        ("sum(touchline_a_total offset 1h) > 1000", "sum(touchline_a_total offset 60000ms) > 1000"),
        ("max by (stage) (touchline_lag_seconds) > 900", "max by (stage) (touchline_lag_seconds) > 15"),
        (
            "time() - max by (task) (max_over_time(touchline_time_timestamp_seconds[1h])) > 900",
            "time() - max by (task) (max_over_time(touchline_time_timestamp_seconds[60000ms])) > 15",
        ),
        ("time() - touchline_gap_timestamp_seconds < 1800", "time() - touchline_gap_timestamp_seconds < 30"),
        ("changes(touchline_started_seconds[30m]) > 2", "changes(touchline_started_seconds[30000ms]) > 2"),
        ('absent(up{job="5m == 60"} == 1)', 'absent(up{job="5m == 60"} == 1)'),
        ("(touchline_a offset 1d or vector(0)) == 0", "(touchline_a offset 1440000ms or vector(0)) == 0"),
        (
            "touchline_lag_seconds > 90 and touchline_lag_records >= 90 # not 7 of them",
            "touchline_lag_seconds > 1.5 and touchline_lag_records >= 90 ",
        ),
    ],
)  # fmt: skip
def test_times_are_divided_and_counts_and_shares_are_not(expression: str, by_sixty: str) -> None:
    assert scaled_expression(expression) == by_sixty


def test_the_time_for_which_a_rule_must_hold_and_a_groups_interval_are_divided() -> None:
    rules = rules_with("up == 0", **{"for": "5m", "keep_firing_for": "1h"})
    rules["groups"][0]["interval"] = "30s"

    group = scaled(rules, 60)["groups"][0]

    assert group["interval"] == "500ms"
    assert (group["rules"][0]["for"], group["rules"][0]["keep_firing_for"]) == ("5000ms", "60000ms")
    assert rules["groups"][0]["rules"][0]["for"] == "5m", "the rules given are not changed"


def test_a_number_that_may_be_a_time_is_an_error_with_its_alert() -> None:
    with pytest.raises(UnscalableRuleError, match=r"A: 60 is no duration and compared with nothing"):
        scaled_expression("touchline_lag_seconds / 60 > 15")


def test_what_would_become_no_time_at_all_is_an_error() -> None:
    with pytest.raises(UnscalableRuleError, match=r"10ms divided by 60"):
        scaled_expression("rate(touchline_a_total[10ms]) > 0")


def test_the_projects_rules_can_all_be_scaled_and_keep_their_names() -> None:
    rules = load_rules()
    text = str(scaled(rules, 60))

    assert names_of(scaled(rules, 60)) == names_of(rules)
    assert "900" not in text.replace("9000", "").replace("900000ms", ""), "15 minutes are 15 seconds"
    assert "> 15" in text
