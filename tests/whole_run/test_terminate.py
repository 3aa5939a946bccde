"""*Terminate* in the Dagster UI, by the mutation that the UI sends: a stop before the merge intent, nothing from there on."""

import httpx
import pytest
from stack_world import StackWorld

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind
from oneshot_dagster.local.demo.plant import ENGINE, REPOSITORY

pytestmark = pytest.mark.whole_run
TERMINATE = """
mutation Terminate($runIds: [String!]!, $terminatePolicy: TerminateRunPolicy) {
  terminateRuns(runIds: $runIds, terminatePolicy: $terminatePolicy) {
    ... on TerminateRunsResult { terminateRunResults { __typename } }
  }
}
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory, make_lasting_database):
    world = StackWorld(tmp_path_factory.mktemp("web") / "home", database_url=make_lasting_database(), web=True)
    try:
        world.start()
        yield world
    finally:
        world.end()
    world.check_forge()


def hangs_at(world: StackWorld, path: str) -> ChangeKey:
    """A change whose run waits for an answer to its POST there."""
    world.forge().clear_faults()
    world.forge().arm("hang", method="POST", path=path, login=ENGINE)
    key, planted = world.issue(Kind.HAPPY)
    world.forge().label(REPOSITORY, planted.number, "oneshot")
    world.wait_until(lambda: world.forge().faults()[0]["hit"], f"{path} is asked for")
    return key


def terminate(world: StackWorld, key: ChangeKey) -> None:
    launch = world.store.launches.of(world.attempts(key)[-1].id)[-1]
    variables = {"runIds": [launch.dagster_run_id], "terminatePolicy": "SAFE_TERMINATE"}
    asked = {"query": TERMINATE, "variables": variables}
    answer = httpx.post(f"{world.web_url}/graphql", json=asked, timeout=30, trust_env=False).json()
    assert answer["data"]["terminateRuns"]["terminateRunResults"] == [{"__typename": "TerminateRunSuccess"}]


def ended(world: StackWorld, key: ChangeKey):
    world.wait_until(lambda: world.attempts(key)[-1].evidence_head is not None, f"{key} is at its end")
    (attempt,) = world.attempts(key)
    return attempt


def test_a_run_that_is_terminated_before_the_merge_cancels_its_change_once_its_intents_are_settled(web) -> None:
    key = hangs_at(web, "/pulls$")

    terminate(web, key)

    attempt = ended(web, key)
    assert (attempt.state, attempt.reason) == (State.CANCELLED, "its run was terminated in the Dagster UI")
    assert [write.action for write in web.store.writes.of(key) if write.outcome is None] == []
    assert [p for p in web.forge().pulls(REPOSITORY, state="all") if p["merged_at"]] == []
    assert any("terminated in the Dagster UI" in c["body"] for c in web.forge().comments(REPOSITORY, key.issue_number))


def test_a_run_that_is_terminated_after_the_merge_is_followed_by_one_that_goes_on(web) -> None:
    key = hangs_at(web, "/deployments$")
    assert web.attempts(key)[-1].merge_sha is not None

    terminate(web, key)

    attempt = ended(web, key)
    assert (attempt.state, attempt.reason) == (State.COMPLETED, "merged, deployed and verified")
    done = [write.action for write in web.store.writes.of(key) if write.outcome == "done"]
    assert [done.count(action) for action in ("merge", "github_deployment", "start_deployment")] == [1, 1, 1]
    assert attempt.infrastructure_retries == 1
