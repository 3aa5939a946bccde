"""CI for real: the repository's workflow in a fresh checkout of the exact head."""

import subprocess
import time

import httpx
import pytest
from forge_world import CI_FILE, GREEN, SHOP, Clone, planted


def opened(forge, shop, workflow, **files):
    """The head of a pull request that brings this workflow."""
    sha = shop.push_branch("feature", {CI_FILE: workflow, "x": "1\n", **files})
    forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")
    return sha


def job(*steps, **keys):
    lines = ["on: pull_request", "jobs:", "  ci:", "    runs-on: ubuntu-latest"]
    lines += [f"    {name}: {value}" for name, value in keys.items()]
    return "\n".join([*lines, "    steps:", *(f"      - {step}" for step in steps)]) + "\n"


def log(forge, check):
    return forge.ada.job_log(SHOP, check["id"])


def said(forge, check):
    """What the job of a failed check left as its one annotation."""
    (found,) = forge.ada.annotations(SHOP, check["id"])
    return found["message"]


def test_a_check_runs_at_the_exact_head_and_shows_its_log(forge, shop):
    sha = opened(forge, shop, GREEN)
    check = forge.wait_checks(sha)["ci"]
    assert (check["conclusion"], check["app"]["slug"], check["head_sha"]) == ("success", "github-actions", sha)
    assert log(forge, check).splitlines()[-1] == sha


def test_a_failing_step_is_a_failed_check_with_its_log(forge, shop):
    sha = opened(
        forge, shop, job("run: echo before", "{name: Test, run: 'echo 1 != 2 >&2; exit 3'}", "run: echo after")
    )
    check = forge.wait_checks(sha)["ci"]
    assert check["conclusion"] == "failure"
    assert said(forge, check).startswith("ci: step 'Test' failed with exit code 3\n")
    assert "1 != 2" in log(forge, check)
    assert "after\n" not in log(forge, check)


def test_each_push_is_built_at_its_own_sha(forge, shop):
    first = opened(forge, shop, GREEN)
    second = shop.push_branch("feature", {"x": "2\n"}, start="feature")
    for sha in (first, second):
        assert log(forge, forge.wait_checks(sha)["ci"]).splitlines()[-1] == sha


def test_a_branch_without_a_pull_request_is_not_built(forge, shop):
    sha = shop.push_branch("lonely", {"x": "1\n"})
    assert forge.ada.check_runs(SHOP, sha) == []


@pytest.mark.parametrize(
    ("workflow", "named"),
    [
        (job("run: 'true'", services="{db: {image: postgres}}"), "jobs.ci.services"),
        (job("run: 'true'") + "concurrency: x\n", "concurrency"),
    ],
)
def test_what_is_not_supported_fails_and_is_named(forge, shop, workflow, named):
    check = forge.wait_checks(opened(forge, shop, workflow))["ci"]
    assert check["conclusion"] == "failure"
    assert f"- {named}" in said(forge, check).splitlines()


def test_a_workflow_that_is_no_yaml_fails(forge, shop):
    checks = forge.wait_checks(opened(forge, shop, "jobs: [unclosed"))
    assert [(name, c["conclusion"]) for name, c in checks.items()] == [("ci.yml", "failure")]


NEEDS = """\
on: [push, pull_request]
env: {WORLD: shop}
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: 'exit 1'}]}
  test: {runs-on: ubuntu-latest, needs: build, steps: [{run: 'true'}]}
  report:
    name: the report
    runs-on: ubuntu-latest
    needs: [build, test]
    if: ${{ always() && needs.build.result == 'failure' }}
    steps: [{run: 'echo ${{ needs.test.result }} in $WORLD'}]
  rescue: {runs-on: ubuntu-latest, needs: build, if: failure(), steps: [{run: 'true'}]}
  never: {runs-on: ubuntu-latest, if: false, steps: [{run: 'exit 1'}]}
"""


def test_needs_and_if_decide_what_runs(forge, shop):
    checks = forge.wait_checks(opened(forge, shop, NEEDS))
    assert {name: c["conclusion"] for name, c in checks.items()} == {
        "build": "failure",
        "test": "skipped",
        "the report": "success",
        "rescue": "success",
        "never": "skipped",
    }
    assert "skipped in shop" in log(forge, checks["the report"])


STEPS = """\
on: pull_request
env: {A: workflow, B: workflow, C: workflow}
jobs:
  ci:
    runs-on: ubuntu-22.04
    env: {B: job, C: job}
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0}
      - uses: actions/setup-python@v5
        with: {python-version: "3.12"}
      - run: echo "$A $B $C"
        env: {C: step}
      - run: import os; print("python in", os.path.basename(os.getcwd()))
        shell: python
        working-directory: sub
      - run: false | true
        shell: sh
      - run: test "$CI" = true && test "$GITHUB_SHA" = "$(git rev-parse HEAD)"
      - run: echo skipped
        if: env.A == 'other'
      - run: exit 1
      - run: echo cleaned up
        if: always()
      - run: echo saw it
        if: ${{ failure() }}
      - run: echo not reached
"""


def test_env_shell_folder_and_if_of_steps_are_honoured(forge, shop):
    check = forge.wait_checks(opened(forge, shop, STEPS, **{"sub/f": "1\n"}))["ci"]
    printed = log(forge, check) + "\n"
    assert check["conclusion"] == "failure"
    for told in ("workflow job step", "python in sub", "cleaned up", "saw it"):
        assert f"\n{told}\n" in printed
    assert said(forge, check).count(": skipped") == 2
    assert "step 'exit 1' failed with exit code 1" in said(forge, check)


def test_bash_by_name_has_pipefail(forge, shop):
    check = forge.wait_checks(opened(forge, shop, job("{run: 'false | true', shell: bash}")))["ci"]
    assert check["conclusion"] == "failure"


def test_a_job_without_checkout_finds_an_empty_folder(forge, shop):
    check = forge.wait_checks(opened(forge, shop, job('run: test -z "$(ls -A)"')))["ci"]
    assert check["conclusion"] == "success"


def test_a_job_that_takes_too_long_is_timed_out(forge, shop):
    check = forge.wait_checks(opened(forge, shop, job("run: sleep 60", **{"timeout-minutes": "0.01"})))["ci"]
    assert check["conclusion"] == "timed_out"


def test_a_step_sees_no_environment_of_the_forge(forge, shop):
    printed = log(forge, forge.wait_checks(opened(forge, shop, job("run: env")))["ci"])
    assert "CI=true" in printed
    assert "hunter2" not in printed
    assert "token-of" not in printed


def test_null_ci_succeeds_without_running_and_the_page_says_so(make_forge, tmp_path):
    forge = make_forge("--null-ci")
    shop = planted(forge, tmp_path / "shop")
    sha = opened(forge, shop, job("run: exit 1"))
    (check,) = forge.ada.check_runs(SHOP, sha)
    assert check["conclusion"] == "success"
    assert "CI is off (--null-ci)" in httpx.get(f"{forge.url}/{SHOP}/runs/{check['id']}").text
    assert "every check succeeds without running" in httpx.get(forge.url).text


def test_a_delayed_check_stays_queued(make_forge, tmp_path):
    forge = make_forge("--ci-delay", "600")
    shop = planted(forge, tmp_path / "shop")
    sha = opened(forge, shop, GREEN)
    time.sleep(0.3)
    assert [c["status"] for c in forge.ada.check_runs(SHOP, sha)] == ["queued"]


def test_checks_that_a_killed_forge_left_are_taken_up_again(forge, shop, tmp_path):
    mark = tmp_path / "first"
    slow = job(f"run: 'if test ! -e {mark}; then touch {mark}; sleep 60; fi'")
    sha = opened(forge, shop, slow)
    while not mark.exists():
        time.sleep(0.02)
    (running,) = forge.ada.check_runs(SHOP, sha)
    forge.kill()
    deadline = time.monotonic() + 10
    while subprocess.run(["pgrep", "-f", f"touch {mark}"], stdout=subprocess.DEVNULL, check=False).returncode == 0:
        assert time.monotonic() < deadline, "the step outlived the forge"
        time.sleep(0.02)
    forge.start()
    done = forge.wait_checks(sha)["ci"]
    assert (done["id"], done["conclusion"]) == (running["id"], "success")


def test_a_push_that_a_killed_forge_did_not_hear_of_is_built(forge, shop):
    opened(forge, shop, GREEN)
    forge.kill()
    sha = Clone(folder=shop.folder, remote=str(forge.bare())).push_branch("feature", {"x": "9\n"}, start="feature")
    forge.start()
    assert forge.wait_checks(sha)["ci"]["conclusion"] == "success"


def test_a_check_of_a_head_that_has_moved_on_is_cancelled_after_a_kill(make_forge, tmp_path):
    forge = make_forge("--ci-delay", "600")
    shop = planted(forge, tmp_path / "shop")
    old = opened(forge, shop, GREEN)
    new = shop.push_branch("feature", {"x": "2\n"}, start="feature")
    forge.kill()
    forge.start()
    assert [c["conclusion"] for c in forge.ada.check_runs(SHOP, old)] == ["cancelled"]
    assert [c["status"] for c in forge.ada.check_runs(SHOP, new)] == ["queued"]


def test_one_head_of_two_pull_requests_is_built_once(forge, shop, tmp_path):
    go = tmp_path / "go"
    sha = opened(forge, shop, job(f"run: 'until test -e {go}; do sleep 0.02; done'"))
    shop.branch("release")
    shop.push("release")
    forge.oneshot.create_pull(SHOP, head="feature", base="release", title="x")
    go.touch()
    forge.wait_checks(sha)
    every = forge.ada.api("GET", SHOP, f"/commits/{sha}/check-runs", filter="all")
    assert every["total_count"] == 1


def test_reopening_builds_again(forge, shop):
    sha = opened(forge, shop, GREEN)
    forge.wait_checks(sha)
    for word in ("closed", "open"):
        forge.oneshot.api("PATCH", SHOP, "/pulls/1", {"state": word})
    forge.wait_checks(sha)
    assert forge.ada.api("GET", SHOP, f"/commits/{sha}/check-runs", filter="all")["total_count"] == 2
