"""One change from its issue to its end on a real stack, by each way that there is."""

import json
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from stack_world import Said, StackWorld

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.messages import marker
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.checkout import git
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.demo.plant import OWNER, REPOSITORY, PlantedIssue

pytestmark = pytest.mark.whole_run


@dataclass(frozen=True)
class Happy:
    """A change that was run once with `oneshot run`, and what that said."""

    key: ChangeKey
    issue: PlantedIssue
    said: Said
    base_after: str


@pytest.fixture(scope="module")
def happy(world: StackWorld) -> Happy:
    key, issue = world.issue(Kind.HAPPY)
    said = world.oneshot("run", str(key))
    return Happy(key, issue, said, world.forge().branch_sha(REPOSITORY, "main"))


def test_a_change_goes_from_its_issue_to_verified_in_one_dagster_run(world: StackWorld, happy: Happy) -> None:
    assert happy.said.code == 0, happy.said
    (attempt,) = world.attempts(happy.key)
    assert attempt.state is State.COMPLETED
    (launch,) = world.store.launches.of(attempt.id)
    assert world.materialized(launch.dagster_run_id) == [artifact.value for artifact in Artifact]
    assert happy.issue.check(world.service_url).ok
    assert world.forge().pull(REPOSITORY, attempt.pr_number or 0)["merged"]
    assert happy.base_after == attempt.merge_sha == attempt.deployed_sha == attempt.verified_sha


def test_the_base_holds_the_judged_tree(world: StackWorld, happy: Happy, tmp_path: Path) -> None:
    (attempt,) = world.attempts(happy.key)
    remote = world.remote()
    git("init", "--bare", "--quiet", ".", cwd=tmp_path)
    git("fetch", "--quiet", remote.url, happy.base_after, str(attempt.judged_sha), cwd=tmp_path, remote=remote)
    judged = git("merge-tree", "--write-tree", f"{happy.base_after}^1", str(attempt.judged_sha), cwd=tmp_path)
    assert git("rev-parse", f"{happy.base_after}^{{tree}}", cwd=tmp_path) == judged


def test_each_effect_happens_once_and_is_on_record(world: StackWorld, happy: Happy) -> None:
    writes = world.store.writes.of(happy.key)
    assert {write.outcome for write in writes} == {"done"}
    done = [write.action for write in writes]
    for action in ("push", "open_pr", "merge", "github_deployment", "start_deployment", "delete_branch"):
        assert done.count(action) == 1, done
    pulls = [p for p in world.forge().pulls(REPOSITORY, state="all") if p["head"]["ref"] == happy.key.branch]
    assert len(pulls) == 1
    (attempt,) = world.attempts(happy.key)
    state = httpx.get(f"{world.service_url}/_supervisor").json()
    assert state["deploys"][attempt.merge_sha] == 1


def test_status_says_as_json_what_was_reached(world: StackWorld, happy: Happy) -> None:
    found = json.loads(world.oneshot("status", str(happy.key), "--json").out)

    assert found["state"] == "completed"
    assert found["merge_sha"] == found["deployed_sha"] == happy.base_after
    assert found["judged_sha"] == found["head_sha"]
    assert set(found["artifacts"]) == {artifact.value for artifact in Artifact}
    assert all(found["artifacts"][artifact.value]["materialized"] for artifact in Artifact)


def test_a_completed_change_run_again_does_nothing(world: StackWorld, happy: Happy) -> None:
    before = world.store.writes.of(happy.key)

    again = world.oneshot("run", str(happy.key))

    assert again.code == 0
    assert world.store.writes.of(happy.key) == before
    (attempt,) = world.attempts(happy.key)
    assert len(world.store.launches.of(attempt.id)) == 1


def test_a_first_patch_that_fails_ci_is_mended_by_the_second_attempt(world: StackWorld) -> None:
    key, issue = world.issue(Kind.RED_FIRST)

    said = world.oneshot("run", str(key))

    assert said.code == 0, said
    first, second = world.attempts(key)
    assert (first.state, first.ci_status) == (State.NEEDS_ITERATION, "failure")
    assert second.state is State.COMPLETED
    assert first.pr_number == second.pr_number
    assert first.evidence_head is not None
    assert issue.check(world.service_url).ok


def test_a_protected_path_stops_before_the_merge_and_a_person_is_told(world: StackWorld) -> None:
    key, issue = world.issue(Kind.NEEDS_HUMAN)

    said = world.oneshot("run", str(key))

    assert said.code == 3, said
    (attempt,) = world.attempts(key)
    assert attempt.state is State.NEEDS_HUMAN
    assert attempt.merge_sha is None
    assert not world.forge().pull(REPOSITORY, attempt.pr_number or 0)["merged"]
    told = [
        c for c in world.forge().comments(REPOSITORY, attempt.pr_number or 0) if marker(key, "needs-human") in c["body"]
    ]
    assert len(told) == 1
    assert not issue.check(world.service_url).ok


def test_a_proposal_waits_for_a_person_and_the_same_attempt_goes_on_to_the_end(world: StackWorld, tmp_path) -> None:
    branch = "proposing"
    world.push_branch(branch, replace={".oneshot.toml": ('mode = "merge"', 'mode = "propose"')}, scratch=tmp_path)
    key, issue = world.issue(Kind.PROPOSE)

    parked = world.oneshot("run", str(key), "--base", branch, "--no-wait")

    assert parked.code == 5, parked
    (before,) = world.attempts(key)
    assert before.state is State.MERGE_READY
    assert before.judged_sha == before.head_sha
    assert not world.forge().pull(REPOSITORY, before.pr_number or 0)["merged"]
    world.forge().merge_as_person(REPOSITORY, before.pr_number or 0, sha=before.judged_sha)
    after = world.oneshot("run", str(key))
    assert after.code == 0, after
    (attempt,) = world.attempts(key)
    assert (attempt.id, attempt.state, attempt.merged_by) == (before.id, State.COMPLETED, OWNER)
    assert issue.check(world.service_url).ok


def test_dagsters_own_launch_takes_a_change_to_its_end(world: StackWorld) -> None:
    key, _ = world.issue(Kind.HAPPY)

    said = world.launch(key)

    assert said.code == 0, said
    world.wait_until(
        lambda: [a.state for a in world.attempts(key)] == [State.COMPLETED], f"{key} completed", timeout=120
    )


@pytest.mark.parametrize(
    "key", ["nonsense", "Acme/Shop#1", "acme/shop#0", "acme/shop#99999", "elsewhere/shop#1", "acme/shop#07"]
)
def test_what_cannot_be_run_is_refused_in_one_sentence(world: StackWorld, key: str) -> None:
    said = world.oneshot("run", key)

    assert said.code == 2
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
