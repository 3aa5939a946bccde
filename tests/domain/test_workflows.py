"""Claims about when a workflow runs for a pull request of ours, and under which names its jobs report."""

import pytest

from oneshot_dagster.domain.workflows import Runs, matches, read_workflow

JOBS = "jobs:\n  ci:\n    runs-on: ubuntu-latest\n"


def workflow(on, jobs=JOBS):
    return read_workflow(".github/workflows/ci.yml", f"{on}\n{jobs}", base="main", head="codex/issue-1")


@pytest.mark.parametrize(
    ("on", "runs"),
    [
        ("on: pull_request", Runs.ALWAYS),
        ("on: push", Runs.ALWAYS),
        ("on: [push, pull_request]", Runs.ALWAYS),
        ("on:\n  pull_request:\n", Runs.ALWAYS),
        ("on:\n  pull_request:\n    branches: [main]", Runs.ALWAYS),
        ("on:\n  pull_request:\n    branches: main", Runs.ALWAYS),
        ("on:\n  pull_request:\n    branches: [release/**]", Runs.NEVER),
        ("on:\n  pull_request:\n    branches-ignore: [main]", Runs.NEVER),
        ("on:\n  pull_request:\n    branches-ignore: ['docs/**']", Runs.ALWAYS),
        ("on:\n  pull_request:\n    types: [labeled]", Runs.NEVER),
        ("on:\n  pull_request:\n    types: [opened, synchronize]", Runs.ALWAYS),
        ("on:\n  pull_request:\n    paths: ['src/**']", Runs.SOMETIMES),
        ("on:\n  pull_request:\n    paths-ignore: ['docs/**']", Runs.SOMETIMES),
        ("on: pull_request_target", Runs.ALWAYS),
        ("on:\n  push:\n    branches: [main]", Runs.NEVER),
        ("on:\n  push:\n    branches: [main, 'codex/**']", Runs.ALWAYS),
        ("on:\n  push:\n    branches: ['**', '!codex/**']", Runs.NEVER),
        ("on:\n  push:\n    branches: ['!codex/**', '**']", Runs.ALWAYS),
        ("on:\n  push:\n    branches: ['*']", Runs.NEVER),
        ("on:\n  push:\n    branches-ignore: ['codex/*']", Runs.NEVER),
        ("on:\n  push:\n    tags: ['v*']", Runs.NEVER),
        ("on:\n  push:\n    tags: ['v*']\n    branches: ['**']", Runs.ALWAYS),
        ("on:\n  push:\n    paths: ['src/**']\n  pull_request:\n", Runs.ALWAYS),
        ("on: workflow_dispatch", Runs.NEVER),
        ("on:\n  schedule:\n    - cron: '0 0 * * *'\n  merge_group:\n", Runs.NEVER),
        ("on:\n  workflow_call:\n    inputs: {}", Runs.NEVER),
    ],
)
def test_it_runs_for_a_pull_request_of_ours_as_its_triggers_say(on, runs):
    found = workflow(on)
    assert (found.runs, found.problem) == (runs, "")


@pytest.mark.parametrize(
    ("job", "reports", "not_so"),
    [
        ("  ci:\n    steps: []", ["ci"], ["CI", "ci (3.11)", ""]),
        ("  ci:\n    name: Unit tests", ["Unit tests"], ["ci"]),
        ("  ci:\n    strategy:\n      matrix: {py: [3.11]}", ["ci (3.11)", "ci (3.11, linux)"], ["ci", "ci 3.11"]),
        ("  ci:\n    name: on ${{ matrix.os }} now", ["on linux now"], ["on linux", "ci"]),
        ("  ci:\n    name: a ${{ x }} b ${{ y }} c", ["a 1 b 2 c"], ["a 1 c", "a b c"]),
        ("  ci:\n    uses: ./.github/workflows/tests.yml", ["ci / unit"], ["ci"]),
    ],
)
def test_a_job_reports_under_its_name_as_github_makes_it(job, reports, not_so):
    found = workflow("on: push", f"jobs:\n{job}\n")
    assert [name for name in reports if not found.reports(name)] == []
    assert [name for name in not_so if found.reports(name)] == []


@pytest.mark.parametrize("text", ["", "on: [", "- a\n- b", "on: push\njobs: 3", "on: push\njobs:\n  ci: 3", "[" * 5000])
def test_a_file_that_makes_no_sense_says_so_and_runs_for_nothing(text):
    found = read_workflow("x.yml", text, base="main", head="codex/issue-1")
    assert found.problem
    assert found.runs is Runs.NEVER


def test_what_it_runs_on_is_told_in_words():
    assert workflow("on:\n  push:\n    branches: [main]\n  workflow_dispatch:\n").events == (
        "push (branches main), workflow_dispatch"
    )


@pytest.mark.parametrize(
    ("pattern", "fits", "not_so"),
    [
        ("main", ["main"], ["mai", "main2", ""]),
        ("*", ["main", ""], ["a/b"]),
        ("**", ["main", "a/b", ""], []),
        ("codex/*", ["codex/issue-1"], ["codex/a/b", "codex"]),
        ("codex/**", ["codex/issue-1", "codex/a/b"], ["codexx"]),
        ("*feature", ["my-feature"], ["my-feature/x"]),
        ("v[12].[0-9]+", ["v1.0", "v2.123"], ["v3.0", "v1."]),
        ("colou?r", ["color", "colour"], ["colouur"]),
        ("**-release", ["a/b-release"], ["a/b"]),
        (r"a\*", ["a*"], ["ab"]),
        ("a.b", ["a.b"], ["axb"]),
    ],
)
def test_filter_patterns_are_githubs(pattern, fits, not_so):
    assert [branch for branch in fits if not matches(pattern, branch)] == []
    assert [branch for branch in not_so if matches(pattern, branch)] == []


def test_a_pattern_made_to_take_long_does_not():
    assert not matches("**a" * 200, "a" * 150 + "b")
