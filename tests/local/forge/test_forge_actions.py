"""GitHub Actions over the forge's CI: where a job's log is, which runs and workflows there are."""

import httpx
import pytest
from forge_world import SHOP, planted
from githubkit import GitHub

from oneshot_dagster.local.forge.client import ForgeError

AT = {"owner": "acme", "repo": "shop"}


@pytest.fixture
def built(forge, shop):
    sha = shop.push_branch("feature", {"price.txt": "12\n"})
    forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")
    return sha, forge.wait_checks(sha)["ci"]


@pytest.fixture
def github(forge):
    return GitHub("token-of-oneshot", base_url=f"{forge.url}/api/v3/", timeout=20, auto_retry=False, http_cache=False)


def asked(forge, check):
    headers = {"authorization": "Bearer token-of-oneshot"}
    return httpx.get(f"{forge.url}/api/v3/repos/{SHOP}/actions/jobs/{check}/logs", headers=headers)


def test_a_jobs_log_lies_where_no_token_is_needed_and_only_once(forge, built):
    sha, check = built
    sent = asked(forge, check["id"])
    assert (sent.status_code, sent.content) == (302, b"")
    log = httpx.get(sent.headers["location"])
    assert log.text.startswith("\ufeff2")
    assert log.text.splitlines()[-1].endswith(f"Z {sha}")
    assert httpx.get(sent.headers["location"]).status_code == 404


def test_the_check_of_a_job_says_nothing_itself(built):
    said = built[1]["output"]
    assert (said["title"], said["summary"], said["text"]) == (None, None, None)


def test_there_is_no_log_before_the_job_has_ended(make_forge, tmp_path):
    forge = make_forge("--ci-delay", "600")
    sha = planted(forge, tmp_path / "shop").push_branch("feature", {"x": "1\n"})
    forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")
    (check,) = forge.ada.check_runs(SHOP, sha)
    assert asked(forge, check["id"]).status_code == 404


def test_a_check_of_another_app_has_no_job(forge, built):
    with pytest.raises(ForgeError) as absent:
        forge.ada.job_log(SHOP, 999_999)
    assert absent.value.status == 404


def test_runs_and_workflows_parse(github, built, shop):
    sha, check = built
    runs = github.rest.actions.list_workflow_runs_for_repo(**AT, head_sha=sha).parsed_data
    assert [(r.head_sha, r.path, r.conclusion) for r in runs.workflow_runs] == [
        (sha, ".github/workflows/ci.yml", check["conclusion"])
    ]
    assert (
        github.rest.actions.list_workflow_runs_for_repo(**AT, head_sha=shop.head()[::-1]).parsed_data.total_count == 0
    )
    flows = github.rest.actions.list_repo_workflows(**AT).parsed_data
    assert [(w.path, w.id) for w in flows.workflows] == [
        (".github/workflows/ci.yml", runs.workflow_runs[0].workflow_id)
    ]


def test_a_failed_job_leaves_an_annotation(forge, github, shop):
    ci = "on: pull_request\njobs:\n  ci:\n    runs-on: ubuntu-latest\n    steps: [{name: Test, run: exit 3}]\n"
    sha = shop.push_branch("feature", {".github/workflows/ci.yml": ci})
    forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")
    check = forge.wait_checks(sha)["ci"]
    (note,) = github.rest.checks.list_annotations(**AT, check_run_id=check["id"]).parsed_data
    assert (note.annotation_level, "step 'Test' failed with exit code 3" in note.message) == ("failure", True)
    assert check["output"]["annotations_count"] == 1
    assert forge.ada.violations() == []
