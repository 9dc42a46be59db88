"""Prometheus takes the configuration, and every alert fires when it should and has its steps written down."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.unit.deploy.files import DEPLOY, ROOT, load
from tests.unit.deploy.promql import ours, series_of

FOLDER = DEPLOY / "prometheus"
RULES = [rule for group in load(FOLDER / "alerts.yml")["groups"] for rule in group["rules"]]
TESTS = load(FOLDER / "alerts_test.yml")["tests"]
JOBS = {job["job_name"] for job in load(FOLDER / "prometheus.yml")["scrape_configs"]}
EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


@pytest.mark.prometheus
@pytest.mark.parametrize(
    "arguments",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")],
    ids=" ".join,
)
def test_promtool_agrees(promtool: str, arguments: tuple[str, ...]) -> None:
    done = subprocess.run([promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@EVERY_RULE
def test_every_alert_is_tested_to_fire(rule: dict[str, object]) -> None:
    fired = {case["alertname"] for test in TESTS for case in test["alert_rule_test"] if case["exp_alerts"]}

    assert rule["alert"] in fired


@EVERY_RULE
def test_every_alert_is_tested_to_be_silent_or_to_choose(rule: dict[str, object]) -> None:
    series = {case["alertname"]: test for test in TESTS for case in test["alert_rule_test"]}
    silent = {case["alertname"] for test in TESTS for case in test["alert_rule_test"] if not case["exp_alerts"]}
    several = len(series[str(rule["alert"])]["input_series"]) > 1

    assert rule["alert"] in silent or several


@EVERY_RULE
def test_every_alert_reads_metrics_and_jobs_that_exist(rule: dict[str, str]) -> None:
    assert ours(rule["expr"]) <= series_of()
    for jobs in re.findall(r'job=~?"([^"]+)"', rule["expr"]):
        assert any(re.fullmatch(jobs, job) for job in JOBS)


@EVERY_RULE
def test_every_alert_says_how_urgent_it_is_and_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    page, anchor = rule["annotations"]["runbook"].split("#")
    headings = re.findall(r"^### (.+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)

    assert anchor in {heading.lower() for heading in headings}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
