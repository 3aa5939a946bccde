"""Claims about the commands on a real change: the forge, the shop, git and the store, taken through the steps without Dagster."""

import json
import subprocess

import pytest
from world_fixtures import ENGINE_TOKEN, OWNER_TOKEN

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind

UNTIL_SNAPSHOT = tuple(Artifact)[: tuple(Artifact).index(Artifact.FILE_SNAPSHOT) + 1]


@pytest.fixture
def home(world):
    return world.home


@pytest.fixture
def environment(environment, world):
    """The settings of the world for a command."""
    github = {"API_URL": f"{world.url}/api/v3", "GRAPHQL_URL": f"{world.url}/api/graphql", "GIT_URL": world.url}
    mine = {f"ONESHOT_GITHUB__{name}": value for name, value in github.items()}
    return {**environment, **mine, "ONESHOT_GITHUB__TOKEN": ENGINE_TOKEN, "ONESHOT_REPOSITORIES": '["acme/*"]'}


def git(*arguments, cwd, stdin=None):
    done = subprocess.run(["git", *arguments], cwd=cwd, input=stdin, capture_output=True, check=True)
    return done.stdout


def test_a_completed_change_is_shown_explained_proven_and_cleaned_up(oneshot, world, engine):
    key, _ = world.plant()
    one = engine()
    one.run(key)
    attempt = one.attempt(key)
    assert attempt.state is State.COMPLETED, one.said

    status = json.loads(oneshot("status", str(key), "--json").out)
    assert status["state"] == "completed"
    assert status["judged_sha"] == status["head_sha"]
    assert status["deployed_sha"] == status["merge_sha"]
    assert {c["verdict"] for c in status["success_criteria"].values()} == {"passed"}
    assert all(a["materialized"] for a in status["artifacts"].values())
    assert len(status["artifacts"]["patch"]["sha256"]) == 64
    done = {(w["action"], w["outcome"]) for w in status["write_actions"]}
    assert {("push", "done"), ("merge", "done")} <= done

    assert "completed" in oneshot("status", str(key)).out
    explained = oneshot("explain", str(key)).out
    assert "as recorded" in explained
    assert "mergeable" in explained
    assert "verifying: " in oneshot("logs", str(key)).out

    proven = oneshot("evidence", "verify", str(key))
    assert proven.code == 0, proven
    assert attempt.evidence_head in proven.out

    worktree = one.services.git.worktree_path(key)
    assert worktree.exists()
    assert oneshot("gc", "--older-than", "0s").code == 0
    assert not worktree.exists()
    assert oneshot("evidence", "verify", str(key)).code == 0


def test_a_change_that_waits_is_explained_from_github_and_its_diff_gives_its_head(oneshot, world, engine, tmp_path):
    key, _ = world.plant()
    one = engine()
    one.run(key, *UNTIL_SNAPSHOT)
    attempt = one.attempt(key)
    assert attempt.state is State.AWAITING_CI, one.said

    out = oneshot("explain", str(key)).out
    assert "read from GitHub just now" in out
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert {"state", "open", "head", "local_tests", "ci", "review", "threads", "mergeable"} <= set(rows)
    assert attempt.head_sha[:7] in rows["head"]
    assert (
        f"acme/shop#{attempt.pr_number} is the pull request of {key}"
        in oneshot("explain", f"acme/shop#{attempt.pr_number}").err
    )

    assert "merge" not in rows
    assert oneshot("hold", str(key)).code == 0
    held = {line.split()[0]: line for line in oneshot("explain", str(key)).out.splitlines() if line.strip()}
    assert "a person put it on hold" in held["merge"]

    work = tmp_path / "work"
    git("clone", "-q", f"{world.home}/repos/acme/shop.git", str(work), cwd=tmp_path)
    git("fetch", "-q", "origin", attempt.base_sha, attempt.head_sha, cwd=work)
    git("checkout", "-q", attempt.base_sha, cwd=work)
    git("apply", "--index", "-", cwd=work, stdin=oneshot("diff", str(key)).out.encode())
    assert git("write-tree", cwd=work) == git("rev-parse", f"{attempt.head_sha}^{{tree}}", cwd=work)


def test_a_refreshed_snapshot_replaces_rows_that_were_wrong(oneshot, world, engine):
    key, _ = world.plant()
    one = engine()
    one.run(key, *UNTIL_SNAPSHOT)
    attempt, projections = one.attempt(key), one.services.store.projections
    true = projections.snapshot("acme/shop", pr_number=attempt.pr_number, head_sha=attempt.head_sha)
    assert "the stored rows were the same" in oneshot("snapshot", "refresh", str(key)).out
    shas = {"base_sha": true.base_sha, "head_sha": true.head_sha}
    projections.save_snapshot(key, pr_number=attempt.pr_number, **shas, files=())
    said = oneshot("snapshot", "refresh", str(key))
    assert said.code == 0
    assert "the stored rows were others" in said.out
    assert projections.snapshot("acme/shop", pr_number=attempt.pr_number, head_sha=attempt.head_sha) == true


def test_a_change_without_a_pull_request_has_no_snapshot_to_refresh(oneshot, world, engine):
    key, _ = world.plant()
    engine().run(key, Artifact.WORKTREE)
    said = oneshot("snapshot", "refresh", str(key))
    assert said.code == 2
    assert "without a pull request" in said.err


def test_a_protected_path_waits_for_an_approval_of_exactly_its_head(oneshot, world, engine):
    key, _ = world.plant(Kind.NEEDS_HUMAN)
    one = engine()
    one.run(key)
    attempt = one.attempt(key)
    assert (attempt.state, attempt.human_reason) == (State.NEEDS_HUMAN, "protected_path"), one.said
    brief = oneshot("explain", str(key)).out
    assert f"oneshot approve {key}" in brief
    assert attempt.head_sha in oneshot("approve", str(key)).out


@pytest.fixture
def local_world(world, environment):
    """The world's forge as `oneshot dev` would have described it in its home."""
    from oneshot_dagster.local import world as local

    port = world.url.rpartition(":")[2]
    local.write_private(world.home / "tokens" / "ada", OWNER_TOKEN)
    local.write_private(world.home / "oneshot.toml", f"{local._MARK}\n")
    environment["ONESHOT_PORTS__FORGE"] = port
    return world


def test_an_issue_is_opened_and_labelled_on_the_forge(oneshot, local_world):
    said = oneshot("forge", "issue", "new", "--title", "Sell tea", "--body", "Please.")
    assert said.code == 0, said
    key = said.out.strip()
    number = int(key.removeprefix("acme/shop#"))
    assert local_world.forge.issue("acme/shop", number)["title"] == "Sell tea"
    assert oneshot("forge", "issue", "label", key).code == 0
    assert [label["name"] for label in local_world.forge.issue("acme/shop", number)["labels"]] == ["oneshot"]


def test_an_issue_without_a_title_is_one_that_the_agent_can_do(oneshot, local_world, engine):
    key = oneshot("forge", "issue", "new", "--label", "oneshot").out.strip()
    found = local_world.forge.issue("acme/shop", int(key.removeprefix("acme/shop#")))
    assert found["body"]
    assert [label["name"] for label in found["labels"]] == ["oneshot"]


def test_an_issue_that_is_not_there_cannot_be_labelled(oneshot, local_world):
    said = oneshot("forge", "issue", "label", "acme/shop#99")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "404" in said.err


def test_without_a_local_world_the_forge_is_not_guessed(oneshot):
    said = oneshot("forge", "issue", "new", "--title", "x")
    assert said.code == 2
    assert "oneshot dev" in said.err


def test_a_forge_that_is_down_is_said_in_one_line(oneshot, local_world, environment):
    environment["ONESHOT_PORTS__FORGE"] = "1"
    said = oneshot("forge", "issue", "new", "--title", "x")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "does not answer" in said.err
