"""The gate where GitHub wants a check of one App and no other."""

from dataclasses import replace

import pytest
from gate_examples import GREEN, condition, gate, status

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.gate import CheckRun

CI, OTHER = 7, 8


def run(app_id, conclusion="success"):
    return CheckRun(
        name="ci", app=f"app-{app_id}", app_id=app_id, status="completed", conclusion=conclusion, url="http://x"
    )


def pinned(*apps, checks=(), statuses=()):
    required = {"ci": frozenset(apps)}
    return replace(GREEN, checks=checks, statuses=statuses, required_contexts=("ci",), required_apps=required)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (pinned(CI, checks=(run(CI),)), Verdict.PASSED),
        (pinned(CI, checks=(run(OTHER),)), None),
        (pinned(CI, checks=(run(0),)), None),
        (pinned(CI, checks=(run(OTHER, "failure"), run(CI))), Verdict.PASSED),
        (pinned(CI, checks=(run(OTHER), run(CI, "failure"))), Verdict.FAILED),
        (pinned(CI, OTHER, checks=(run(CI),)), None),
        (pinned(CI, OTHER, checks=(run(CI), run(OTHER))), Verdict.PASSED),
        (pinned(CI, statuses=(status("ci", "success"),)), Verdict.PASSED),
        (pinned(CI, checks=(run(CI),), statuses=(status("ci", "failure"),)), Verdict.FAILED),
        (pinned(checks=(run(OTHER),)), Verdict.PASSED),
    ],
)
def test_a_pinned_check_is_satisfied_by_its_app_alone(facts, verdict):
    assert condition(gate(facts), "ci:ci").verdict is verdict


def test_what_is_missing_names_the_app():
    assert "not by the App that it is pinned to (7)" in condition(gate(pinned(CI, checks=(run(OTHER),))), "ci:ci").fact
