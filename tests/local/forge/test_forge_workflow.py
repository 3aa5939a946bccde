"""Workflow files and expressions, read without running anything."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from oneshot_dagster.local.forge.expression import (
    Context,
    Unsupported,
    compile_condition,
    compile_expression,
    interpolate,
    truth,
)
from oneshot_dagster.local.forge.workflow import Trigger, read

JOBS = "jobs: {ci: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
CONTEXT = Context(
    env={"A": "one", "EMPTY": ""},
    github={"sha": "abc", "base_ref": "main"},
    needs={"build": "failure"},
    status="failure",
)


def started(on, *, action="opened", head="feature", base="main"):
    return read("ci.yml", f"on: {on}\n{JOBS}", Trigger(action=action, head_ref=head, base_ref=base)) is not None


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("push", True),
        ("[pull_request, workflow_dispatch]", True),
        ("workflow_dispatch", False),
        ("{pull_request: null}", True),
        ("{pull_request: {branches: [main]}}", True),
        ("{pull_request: {branches: ['release/*']}}", False),
        ("{pull_request: {types: [closed]}}", False),
        ("{push: {branches: [main]}}", False),
        ("{push: {branches: ['feat*']}}", True),
        ("{push: {branches: ['**', '!feature']}}", False),
        ("{push: {tags: ['v*']}}", False),
        ("{schedule: [{cron: '0 0 * * *'}], pull_request: {}}", True),
    ],
)
def test_the_trigger_decides_whether_a_workflow_starts(on, expected):
    assert started(on) is expected


def test_a_star_stops_at_a_slash_and_two_do_not():
    assert not started("{push: {branches: ['codex/*']}}", head="codex/a/b")
    assert started("{push: {branches: ['codex/*']}}", head="codex/a")
    assert started("{push: {branches: ['codex/**']}}", head="codex/a/b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("1 == 1 && 'a' != 'b'", True),
        ("'A' == 'a'", True),
        ("env.A == 'one'", True),
        ("env.NONE", False),
        ("!env.EMPTY", True),
        ("github.base_ref == 'main' && (false || needs.build.result == 'failure')", True),
        ("'it''s' == 'it''s'", True),
        ("failure()", True),
        ("success()", False),
        ("always() && !cancelled()", True),
        ("1 == '1'", True),
        ("null == false", True),
    ],
)
def test_expressions_mean_what_they_mean_on_github(text, expected):
    assert truth(compile_expression(text)(CONTEXT)) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secrets.A",
        "steps.x.outputs.y",
        "contains('a', 'b')",
        "a b",
        "1 ==",
        "(1",
        "github.token",
        "needs.a.outputs.b",
        "matrix.os",
        "1 < 2",
        "'open",
    ],
)
def test_what_is_not_supported_is_refused(text):
    with pytest.raises(Unsupported):
        compile_expression(text)


def test_a_condition_holds_only_after_success_unless_it_asks_for_the_status():
    assert not truth(compile_condition("env.A == 'one'")(CONTEXT))
    assert truth(compile_condition("${{ failure() && env.A == 'one' }}")(CONTEXT))


def test_holes_are_filled():
    assert interpolate("x-${{ env.A }}-${{github.sha}}-${{ 1 == 1 }}", CONTEXT) == "x-one-abc-true"


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        ({"strategy": {"matrix": {"a": [1]}}}, "jobs.ci.strategy"),
        ({"container": "python:3"}, "jobs.ci.container"),
        ({"outputs": {}}, "jobs.ci.outputs"),
        ({"runs-on": "windows-latest"}, "jobs.ci.runs-on: windows-latest"),
        ({"if": "matrix.os == 'x'"}, "jobs.ci.if: matrix.os"),
        ({"timeout-minutes": "${{ env.X }}"}, "jobs.ci.timeout-minutes: ${{ env.X }}"),
        ({"steps": []}, "jobs.ci.steps"),
        ({"steps": [{"uses": "someone/action@v1"}]}, "jobs.ci.steps[0].uses: someone/action@v1"),
        ({"steps": [{"uses": "actions/checkout@v4", "with": {"ref": "main"}}]}, "jobs.ci.steps[0].with.ref"),
        ({"steps": [{"run": "x", "continue-on-error": True}]}, "jobs.ci.steps[0].continue-on-error"),
        ({"steps": [{"run": "x", "shell": "pwsh"}]}, "jobs.ci.steps[0].shell: pwsh"),
        ({"steps": [{"run": "x", "uses": "y"}]}, "jobs.ci.steps[0]: needs exactly one of run and uses"),
        ({"steps": [{"run": "echo ${{ secrets.KEY }}"}]}, "jobs.ci.steps[0]: secrets.KEY"),
        ({"steps": [{"run": "x", "env": {"K": "${{ vars.K }}"}}]}, "jobs.ci.steps[0].env: vars.K"),
    ],
)
def test_each_key_that_cannot_be_honoured_is_a_problem_by_its_path(job, problem):
    node = {"runs-on": "ubuntu-latest", "steps": [{"run": "true"}], **job}
    text = yaml.safe_dump({"on": {"push": {}}, "jobs": {"ci": node}})
    workflow = read("ci.yml", text, Trigger(action="opened", head_ref="f", base_ref="main"))
    assert problem in workflow.jobs[0].problems


@pytest.mark.parametrize("on", ["{pull_request: {paths: [a]}}", "{pull_request: {branches-ignore: [a]}}"])
def test_a_filter_that_is_not_supported_is_a_problem_and_no_skip(on):
    workflow = read("ci.yml", f"on: {on}\n{JOBS}", Trigger(action="opened", head_ref="f", base_ref="main"))
    assert workflow.jobs[0].problems[0].startswith("on.pull_request.")


def test_all_problems_of_a_job_are_named_at_once():
    text = "on: push\ndefaults: {}\njobs: {ci: {runs-on: self-hosted, services: {}, steps: [{uses: a/b@v1, id: x}]}}\n"
    workflow = read("ci.yml", text, Trigger(action="opened", head_ref="f", base_ref="main"))
    assert workflow.jobs[0].problems == (
        "defaults",
        "jobs.ci.services",
        "jobs.ci.runs-on: self-hosted",
        "jobs.ci.steps[0].uses: a/b@v1",
    )


@pytest.mark.parametrize("needs", ["{a: b, b: a}", "{a: none, b: a}"])
def test_needs_in_a_circle_or_of_nobody_fail_the_file(needs):
    jobs = {
        k: {"runs-on": "ubuntu-latest", "needs": v, "steps": [{"run": "x"}]} for k, v in yaml.safe_load(needs).items()
    }
    text = yaml.safe_dump({"on": "push", "jobs": jobs})
    workflow = read("ci.yml", text, Trigger(action="opened", head_ref="f", base_ref="main"))
    assert [j.name for j in workflow.jobs] == ["ci.yml"]
    assert "needs" in workflow.jobs[0].problems[0]


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fall_over(text):
    workflow = read("ci.yml", text, Trigger(action="opened", head_ref="f", base_ref="main"))
    assert workflow is None or workflow.jobs


@given(st.text(max_size=60))
def test_an_expression_is_refused_or_evaluates(text):
    try:
        compiled = compile_condition(text)
    except Unsupported:
        return
    compiled(CONTEXT)
